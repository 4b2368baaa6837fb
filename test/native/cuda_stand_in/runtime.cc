// A CUDA runtime that works on the host.
#include "runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

using Work = std::function<void()>;

struct CUgraph_st {
  std::vector<Work> work;
};
struct CUgraphExec_st {
  std::vector<Work> work;
};
struct CUevent_st {
  cudaStream_t stream = nullptr;
  // Whether its stream has reached it; shared with the work, which may outlive the event.
  std::shared_ptr<std::optional<std::chrono::steady_clock::time_point>> reached;
};
struct CUstream_st {
  std::deque<Work> queue;
  CUgraph_st* capturing = nullptr;
  bool invalid = false;  // something that can't be captured was done

  void Finish() {
    while (!queue.empty()) {
      const Work work = std::move(queue.front());
      queue.pop_front();
      work();
    }
  }
};

namespace arc2face::testing {

RuntimeControl& Runtime() {
  static RuntimeControl control;
  return control;
}

void Launch(cudaStream_t stream, std::function<void()> work) {
  if (stream->capturing != nullptr) {
    stream->capturing->work.push_back(std::move(work));
  } else {
    stream->queue.push_back(std::move(work));
  }
}

namespace {

thread_local cudaError_t last_error = cudaSuccess;
thread_local int current_gpu = 0;

// The status of one call: that of `work`, or a deliberate failure.
template <typename F>
cudaError_t Call(F work) {
  const int call = Runtime().calls++;
  if (call == Runtime().lose_at) Runtime().lost_gpu = current_gpu;
  const cudaError_t status = current_gpu == Runtime().lost_gpu ? cudaErrorIllegalAddress
                             : call == Runtime().fail_at       ? cudaErrorUnknown
                                                               : work();
  if (status != cudaSuccess) last_error = status;
  return status;
}

template <typename T>
cudaError_t Make(T** handle) {
  *handle = new T;
  ++Runtime().objects;
  return cudaSuccess;
}
template <typename T>
cudaError_t Destroy(T* handle) {
  delete handle;
  --Runtime().objects;
  return cudaSuccess;
}

// Freed memory is reused at once for the next request of its size, which exposes any remaining use.
class Pool {
 public:
  // Null if there is not enough.
  void* Allocate(size_t bytes) {
    const std::lock_guard lock(mutex_);
    void* memory;
    if (const auto found = idle_.find(bytes); found != idle_.end()) {
      memory = found->second;
      idle_.erase(found);
    } else {
      if (bytes > Runtime().memory || used_ > Runtime().memory - bytes) return nullptr;
      memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
      sizes_[memory] = bytes;
      used_ += bytes;
    }
    ++Runtime().objects;
    std::memset(memory, 0xee, bytes);
    return memory;
  }
  void Free(void* memory) {
    const std::lock_guard lock(mutex_);
    --Runtime().objects;
    idle_.emplace(sizes_.at(memory), memory);
  }
  // Bytes taken from the GPU, in use or kept.
  size_t used() {
    const std::lock_guard lock(mutex_);
    return used_;
  }
  void Trim() {
    const std::lock_guard lock(mutex_);
    for (const auto& [bytes, memory] : idle_) {
      sizes_.erase(memory);
      used_ -= bytes;
      std::free(memory);
    }
    idle_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<void*, size_t> sizes_;
  std::multimap<size_t, void*> idle_;
  size_t used_ = 0;
};
Pool& DevicePool() {
  static Pool& pool = *new Pool;  // devices outlive static objects
  return pool;
}

}  // namespace
}  // namespace arc2face::testing

using namespace arc2face::testing;

extern "C" {

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorOfTheStandIn"; }
const char* cudaGetErrorString(cudaError_t) { return "an error of the stand-in"; }

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = Runtime().driver_version;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  return Call([&] {
    if (Runtime().driver_version < CUDART_VERSION / 1000 * 1000) return cudaErrorInsufficientDriver;
    *count = Runtime().gpus;
    return *count == 0 ? cudaErrorNoDevice : cudaSuccess;
  });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  return Call([&] {
    *properties = {};
    std::snprintf(properties->name, sizeof(properties->name), "Stand-in");
    properties->major = Runtime().capability / 10;
    properties->minor = Runtime().capability % 10;
    return cudaSuccess;
  });
}
cudaError_t cudaSetDevice(int device) {
  const bool exists = device < Runtime().gpus;
  if (exists) current_gpu = device;  // even if the call then fails because that GPU is lost
  return Call([&] { return exists ? cudaSuccess : cudaErrorInvalidDevice; });
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_gpu;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  return Call([&] {
    if (attribute != cudaDevAttrMemoryPoolsSupported && attribute != cudaDevAttrIntegrated)
      return cudaErrorInvalidValue;
    *value = attribute == cudaDevAttrIntegrated ? Runtime().shares_host_memory : Runtime().has_memory_pools;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return Call([&] { return Make(stream); });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return Destroy(stream); }
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return Call([&] {
    if (stream->capturing != nullptr) {
      stream->invalid = true;
      return cudaErrorStreamCaptureUnsupported;
    }
    stream->Finish();
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return Call([&] { return Make(event); });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return Destroy(event); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return Call([&] {
    event->stream = stream;
    event->reached = std::make_shared<std::optional<std::chrono::steady_clock::time_point>>();
    Launch(stream, [reached = event->reached] { *reached = std::chrono::steady_clock::now(); });
    return cudaSuccess;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return Call([&] {
    if (event->stream->capturing != nullptr) return cudaErrorCapturedEvent;
    event->stream->Finish();
    return event->reached->has_value() ? cudaSuccess : cudaErrorUnknown;
  });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  return Call([&] {
    if (!from->reached->has_value() || !to->reached->has_value()) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(**to->reached - **from->reached).count();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return Call([&] {
    if (stream->capturing != nullptr) return cudaErrorIllegalState;
    stream->invalid = false;
    return Make(&stream->capturing);
  });
}
// Ends the capture even if it fails, like the real one.
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = std::exchange(stream->capturing, nullptr);
  if (Runtime().spoilt_captures > 0) {
    --Runtime().spoilt_captures;
    stream->invalid = true;
  }
  const cudaError_t status = Call([&] { return stream->invalid ? cudaErrorStreamCaptureInvalidated : cudaSuccess; });
  if (status != cudaSuccess) Destroy(std::exchange(*graph, nullptr));
  return status;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return Call([&] {
    Make(exec);
    (*exec)->work = graph->work;
    return cudaSuccess;
  });
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
  return Call([] { return cudaSuccess; });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return Call([&] {
    if (stream->capturing != nullptr) return cudaErrorStreamCaptureUnsupported;
    for (const Work& work : exec->work) Launch(stream, work);
    return cudaSuccess;
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return Destroy(graph); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return Destroy(exec); }

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  return Call([&] {
    if (!Runtime().has_memory_pools) return cudaErrorNotSupported;
    *pool = reinterpret_cast<cudaMemPool_t>(&DevicePool());
    return cudaSuccess;
  });
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) {
  return Call([] { return cudaSuccess; });
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void* value) {
  return Call([&] {
    const bool counts_gaps = attribute == cudaMemPoolAttrReservedMemCurrent;
    *static_cast<uint64_t*>(value) = DevicePool().used() + (counts_gaps ? Runtime().pool_gaps.load() : 0);
    return cudaSuccess;
  });
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) {
  return Call([] {
    DevicePool().Trim();
    return cudaSuccess;
  });
}
cudaError_t cudaMalloc(void** memory, size_t bytes) {
  return Call([&] {
    *memory = DevicePool().Allocate(bytes);
    return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) {
  if (!Runtime().has_memory_pools) return cudaErrorNotSupported;
  return cudaMalloc(memory, bytes);
}
cudaError_t cudaFree(void* memory) {
  DevicePool().Free(memory);
  if (!Runtime().has_memory_pools) DevicePool().Trim();
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return Call([&] {
    *total = Runtime().memory;
    *free = *total - DevicePool().used() - Runtime().pool_gaps;
    return cudaSuccess;
  });
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  if (!Runtime().has_memory_pools) return cudaErrorNotSupported;
  return cudaFree(memory);
}
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  return Call([&] {
    if (Runtime().while_pinning) Runtime().while_pinning();
    *memory = std::malloc(bytes);
    ++Runtime().objects;
    return cudaSuccess;
  });
}
cudaError_t cudaFreeHost(void* memory) {
  if (Runtime().while_pinning) Runtime().while_pinning();
  std::free(memory);
  --Runtime().objects;
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return Call([&] {
    Launch(stream, [=] { std::memcpy(to, from, bytes); });
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return Call([&] {
    Launch(stream, [=] { std::memset(to, value, bytes); });
    return cudaSuccess;
  });
}

}  // extern "C"
