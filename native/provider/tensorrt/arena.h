// Scratch memory for engines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "../../device/device.h"
#include "tensorrt.h"

namespace arc2face::tensorrt {

// What a network computes in with the shapes of one profile.
struct ProfileMemory {
  size_t rows;     // of its batch
  size_t scratch;  // bytes
  size_t tensors;  // bytes of its inputs and outputs
};

// One block of scratch memory per stream: work on one stream never overlaps, so it can share.
// Any thread. The device must outlive it.
class Arena {
 public:
  using Block = std::shared_ptr<const DeviceBuffer<std::byte>>;

  Arena(Device& device, MemoryNotice notice) : device_(device), notice_(std::move(notice)) {}
  Device& device() const noexcept { return device_; }

  // Engines of so many bytes are opened later: their memory is not free for what others compute in.
  void ExpectEngines(size_t bytes);
  // One of them is being opened.
  void OpensEngine(size_t bytes);

  // Tells how much memory a network with these profiles is about to take on a stream. Throws kOutOfMemory if there is
  // less, with the largest of its batch sizes for which there is enough.
  void Announce(const Stream& stream, const std::string& network, std::span<const ProfileMemory> profiles);

  // The stream's block, replaced by a larger one if it has fewer than `bytes`. Users of a replaced block may go on
  // using it, because a captured graph keeps its address: it is freed after its last user.
  Block Reserve(const Stream& stream, size_t bytes);

 private:
  Device& device_;
  const MemoryNotice notice_;
  std::mutex mutex_;
  size_t expected_ = 0;  // bytes of engines yet to be opened
  std::map<const Stream*, Block> blocks_;
};

}  // namespace arc2face::tensorrt
