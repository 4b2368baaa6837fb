// Page-locked host memory.
#include "pinned.h"

#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "../../error.h"
#include "check.h"

namespace arc2face {
namespace {

class PinnedMemory {
 public:
  uint8_t* Allocate(size_t bytes) {
    if (uint8_t* const kept = TakeIdle(bytes)) return kept;
    if (HasTooMuchIdle()) Trim();
    void* memory = nullptr;
    const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocPortable);
    if (status == cudaErrorMemoryAllocation || status == cudaErrorInvalidValue) {
      cudaGetLastError();
      throw Error(ErrorCode::kOutOfMemory,
                  "Could not allocate " + std::to_string(bytes) + " bytes of page-locked memory.",
                  {.device = "cpu", .bytes = bytes});
    }
    CheckCuda(status, "allocate page-locked memory");
    const std::lock_guard lock(mutex_);
    sizes_[static_cast<uint8_t*>(memory)] = bytes;
    return static_cast<uint8_t*>(memory);
  }

  // Called on any thread, even JavaScript's: so it does not wait for the GPU, as locking and unlocking pages may, nor
  // for another thread that does: those happen outside the mutex.
  void Free(uint8_t* memory) noexcept {
    const std::lock_guard lock(mutex_);
    const size_t bytes = sizes_.at(memory);
    idle_.emplace(bytes, memory);
    idle_bytes_ += bytes;
  }

  void Trim() noexcept {
    std::multimap<size_t, uint8_t*> unused;
    {
      const std::lock_guard lock(mutex_);
      unused.swap(idle_);
      idle_bytes_ = 0;
      for (const auto& [bytes, memory] : unused) sizes_.erase(memory);
    }
    for (const auto& [bytes, memory] : unused) cudaFreeHost(memory);
  }

 private:
  // Some 80 images of 512 x 512: more than are in flight at once.
  static constexpr size_t kMostIdle = size_t{64} << 20;

  // Null if there is none.
  uint8_t* TakeIdle(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = idle_.find(bytes);
    if (found == idle_.end()) return nullptr;
    uint8_t* const memory = found->second;
    idle_.erase(found);
    idle_bytes_ -= bytes;
    return memory;
  }

  bool HasTooMuchIdle() {
    const std::lock_guard lock(mutex_);
    return idle_bytes_ > kMostIdle;
  }

  std::mutex mutex_;
  std::unordered_map<uint8_t*, size_t> sizes_;  // of everything, idle or not
  std::multimap<size_t, uint8_t*> idle_;
  size_t idle_bytes_ = 0;
};

// Never destroyed: images may outlast static destruction.
PinnedMemory& Pinned() {
  static auto& pinned = *new PinnedMemory;
  return pinned;
}

}  // namespace

HostBytes AllocatePinned(size_t bytes) {
  return {Pinned().Allocate(bytes), {[](uint8_t* memory) noexcept { Pinned().Free(memory); }}};
}

void TrimPinned() noexcept { Pinned().Trim(); }

}  // namespace arc2face
