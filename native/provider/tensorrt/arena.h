// Scratch memory for engines.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "../../device/device.h"

namespace arc2face::tensorrt {

// One block of scratch memory per stream: work on one stream never overlaps, so it can share.
// Any thread. The device must outlive it.
class Arena {
 public:
  using Block = std::shared_ptr<const DeviceBuffer<std::byte>>;

  explicit Arena(Device& device) : device_(device) {}
  Device& device() const noexcept { return device_; }

  // The stream's block, replaced by a larger one if it has fewer than `bytes`. Users of a replaced block may go on
  // using it, because a captured graph keeps its address: it is freed after its last user.
  Block Reserve(const Stream& stream, size_t bytes) {
    const std::lock_guard lock(mutex_);
    Block& block = blocks_[&stream];
    if (block == nullptr || block->size() < bytes) {
      block = std::make_shared<const DeviceBuffer<std::byte>>(device_, bytes);
    }
    return block;
  }

 private:
  Device& device_;
  std::mutex mutex_;
  std::map<const Stream*, Block> blocks_;
};

}  // namespace arc2face::tensorrt
