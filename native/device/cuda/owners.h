// Owners of CUDA runtime objects. Destructors ignore statuses: they must not throw, and at the end of a process
// the driver may go first.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

namespace arc2face {

template <auto kDestroy>
struct CudaDestroyer {
  template <typename T>
  void operator()(T* handle) const noexcept {
    kDestroy(handle);
  }
};

using OwnedStream = std::unique_ptr<CUstream_st, CudaDestroyer<cudaStreamDestroy>>;
using OwnedEvent = std::unique_ptr<CUevent_st, CudaDestroyer<cudaEventDestroy>>;
using OwnedGraph = std::unique_ptr<CUgraph_st, CudaDestroyer<cudaGraphDestroy>>;
// Can be launched. If it is running, the runtime destroys it once it has ended.
using OwnedGraphExec = std::unique_ptr<CUgraphExec_st, CudaDestroyer<cudaGraphExecDestroy>>;

// A stream that does not synchronise with the default stream.
OwnedStream MakeCudaStream();

}  // namespace arc2face
