// A CUDA runtime that works on the host: enough of it for native/device/cuda/, so that streams, captured graphs, memory
// and errors can be tested without a GPU. Queued work runs only when somebody waits for its stream: as
// late as it possibly could on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <functional>

namespace arc2face::testing {

// Queues `work`, or adds it to the graph being captured.
void Launch(cudaStream_t stream, std::function<void()> work);

struct RuntimeControl {
  std::atomic<int> gpus = 1;
  std::atomic<int> driver_version = 13000;
  std::atomic<int> capability = 90;
  std::atomic<int> calls = 0;     // that could have failed
  std::atomic<int> fail_at = -1;  // the call, counted from 0, that fails
  std::atomic<int> lose_at = -1;  // the call at which its GPU is lost, and with it all later ones
  std::atomic<int> lost_gpu = -1;
  std::atomic<bool> has_memory_pools = true;
  std::atomic<bool> shares_host_memory = false;
  std::function<void()> while_pinning;           // runs inside each call that locks or unlocks pages
  std::atomic<int> spoilt_captures = 0;          // that end as if another thread had waited for the whole GPU
  std::atomic<int> objects = 0;                  // streams, events, graphs and pieces of memory that exist
  std::atomic<size_t> pool_gaps = 0;             // bytes that the pool keeps between those in use
  std::atomic<size_t> memory = size_t{1} << 40;  // bytes that the GPU has
};
RuntimeControl& Runtime();

}  // namespace arc2face::testing
