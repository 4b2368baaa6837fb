// A CUDA stream behind the seam of device.h.
#pragma once

#include <memory>
#include <unordered_map>

#include "../device.h"
#include "owners.h"
#include "retired.h"

namespace arc2face {

// A stream of the GPU `index` and its clock. Its destructor waits for all work and tells the clock, even if the rest of
// a CudaStream can't be made.
class ClockedStream {
 public:
  ClockedStream(int index, std::shared_ptr<StreamClock> clock);
  ~ClockedStream();
  ClockedStream(const ClockedStream&) = delete;
  ClockedStream& operator=(const ClockedStream&) = delete;

  // For one more piece of work; makes the GPU the thread's current one.
  cudaStream_t Next();
  // Waiting for it does not keep a processor busy.
  std::unique_ptr<Event> Record();

  cudaStream_t get() const noexcept { return stream_.get(); }

 private:
  int index_;
  std::shared_ptr<StreamClock> clock_;
  OwnedStream stream_;
};

// One thread at a time.
class CudaStream final : public Stream {
 public:
  // `index`: of the GPU; `device` is that GPU. `clock` is kept in step with the work.
  CudaStream(int index, Device& device, std::shared_ptr<StreamClock> clock);

  void Upload(void* to, const void* from_host, size_t bytes) override;
  void Download(void* to_host, const void* from, size_t bytes) override;
  void Copy(void* to, const void* from, size_t bytes) override;
  void Zero(void* to, size_t bytes) override;
  void Synchronize() override;
  std::unique_ptr<Event> Record() override;

  // The first call with a key queues directly, which loads kernels and prepares networks; the second captures a graph.
  // If that fails, for whatever reason, it queues directly, which tells if the work itself is at fault, and a later
  // call captures: other code in the process may slow this package down, but not make it fail.
  void Replay(uint64_t key, const std::function<void()>& record) override;
  void Forget(uint64_t key) noexcept override;

  void* handle() override;

 private:
  void Move(void* to, const void* from, size_t bytes, cudaMemcpyKind kind);
  // Null if it failed: a call elsewhere in the process is enough, such as a library's that waits for the device.
  OwnedGraphExec Capture(const std::function<void()>& record);

  struct Recording {
    bool warm = false;
    uint64_t wait = 0, waiting = 0;  // replays between captures that fail; those left until the next
    OwnedGraphExec graph;
  };

  Device& device_;
  ClockedStream stream_;
  std::unordered_map<uint64_t, Recording> recordings_;
};

}  // namespace arc2face
