// How long queued work takes, by the GPU's clock and by the host's.
#pragma once

#include <cuda_runtime_api.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "device/cuda/check.h"
#include "device/device.h"

namespace arc2face::bench {

inline double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
}

// Processor time that the calling thread has taken so far, in seconds.
inline double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The steps in which that clock moves on: nanoseconds, but on some virtual machines milliseconds.
inline double ThreadClockTick() {
  double tick = 1;
  for (int i = 0; i < 3; ++i) {
    const double before = ThreadSeconds();
    double now = before;
    while (now == before) now = ThreadSeconds();
    tick = std::min(tick, now - before);
  }
  return tick;
}

struct Times {
  std::vector<double> gpu;   // milliseconds from the first to the last of what a run has queued
  std::vector<double> host;  // milliseconds that queueing it took
};

class GpuMoment {
 public:
  GpuMoment() { CheckCuda(cudaEventCreateWithFlags(&event_, cudaEventDefault), "make an event"); }
  GpuMoment(const GpuMoment&) = delete;
  GpuMoment& operator=(const GpuMoment&) = delete;
  ~GpuMoment() { cudaEventDestroy(event_); }

  void Record(Stream& stream) {
    CheckCuda(cudaEventRecord(event_, static_cast<cudaStream_t>(stream.handle())), "record an event");
  }
  double Since(const GpuMoment& before) const {
    float milliseconds = 0;
    CheckCuda(cudaEventElapsedTime(&milliseconds, before.event_, event_), "read the GPU's clock");
    return milliseconds;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

// Runs `work`, which queues on `stream`, a few times to warm up and then `runs` times.
template <typename Work>
Times Measure(Stream& stream, int runs, const Work& work) {
  // As many as are queued between two waits: enough for the GPU never to be idle, too few to fill its queue, which
  // would make the host wait.
  constexpr int kQueued = 10;
  for (int i = 0; i < 5; ++i) work();
  stream.Synchronize();
  Times times;
  std::vector<GpuMoment> begins(kQueued), ends(kQueued);
  for (int done = 0; done < runs; done += kQueued) {
    for (int i = 0; i < kQueued; ++i) {
      begins[i].Record(stream);
      const auto began = std::chrono::steady_clock::now();
      work();
      times.host.push_back(Milliseconds(began));
      ends[i].Record(stream);
    }
    stream.Synchronize();
    for (int i = 0; i < kQueued; ++i) times.gpu.push_back(ends[i].Since(begins[i]));
  }
  return times;
}

}  // namespace arc2face::bench
