// A CUDA stream: copies, events and captured graphs.
#include "stream.h"

#include <exception>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "check.h"

namespace arc2face {

namespace {

constexpr int kMostSpoilt = 10;  // captures

class CudaEvent final : public Event {
 public:
  // On the thread's current device. `time`: what the clock will have reached.
  CudaEvent(cudaStream_t stream, std::shared_ptr<StreamClock> clock) : clock_(std::move(clock)), time_(clock_->Now()) {
    cudaEvent_t event = nullptr;
    CheckCuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync), "make an event");
    event_.reset(event);
    CheckCuda(cudaEventRecord(event, stream), "record an event");
  }
  void Await() override {
    CheckCuda(cudaEventSynchronize(event_.get()), "finish the queued work");
    clock_->Reach(time_);
  }

 private:
  const std::shared_ptr<StreamClock> clock_;
  const uint64_t time_;
  OwnedEvent event_;
};

}  // namespace

ClockedStream::ClockedStream(int index, std::shared_ptr<StreamClock> clock)
    : index_(index), clock_(std::move(clock)), stream_(MakeCudaStream()) {}

ClockedStream::~ClockedStream() {
  cudaSetDevice(index_);
  cudaStreamSynchronize(stream_.get());
  clock_->Reach(clock_->Now());
}

cudaStream_t ClockedStream::Next() {
  CheckCuda(cudaSetDevice(index_), "choose a device");
  clock_->Tick();
  return stream_.get();
}

std::unique_ptr<Event> ClockedStream::Record() {
  CheckCuda(cudaSetDevice(index_), "choose a device");
  return std::make_unique<CudaEvent>(stream_.get(), clock_);
}

CudaStream::CudaStream(int index, Device& device, std::shared_ptr<StreamClock> clock)
    : device_(device), stream_(index, std::move(clock)) {}

void CudaStream::Synchronize() { Record()->Await(); }

std::unique_ptr<Event> CudaStream::Record() { return stream_.Record(); }

void* CudaStream::handle() { return stream_.Next(); }

void CudaStream::Move(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (bytes != 0) CheckCuda(cudaMemcpyAsync(to, from, bytes, kind, stream_.Next()), "copy memory");
}
void CudaStream::Upload(void* to, const void* from_host, size_t bytes) {
  Move(to, from_host, bytes, cudaMemcpyHostToDevice);
}
void CudaStream::Download(void* to_host, const void* from, size_t bytes) {
  Move(to_host, from, bytes, cudaMemcpyDeviceToHost);
}
void CudaStream::Copy(void* to, const void* from, size_t bytes) { Move(to, from, bytes, cudaMemcpyDeviceToDevice); }

void CudaStream::Zero(void* to, size_t bytes) {
  if (bytes != 0) CheckCuda(cudaMemsetAsync(to, 0, bytes, stream_.Next()), "clear memory");
}

void CudaStream::Replay(uint64_t key, const std::function<void()>& record) {
  Recording& recording = recordings_[key];
  if (!recording.warm) {
    record();
    recording.warm = true;
    return;
  }
  if (!recording.graph) {
    const std::unique_lock alone(device_.captures(), std::try_to_lock);
    if (alone && recording.spoilt < kMostSpoilt) {
      recording.graph = Capture(record);
      if (!recording.graph) ++recording.spoilt;
    }
    if (!recording.graph) {
      record();
      return;
    }
  }
  CheckCuda(cudaGraphLaunch(recording.graph.get(), stream_.Next()), "launch a captured graph");
}

void CudaStream::Forget(uint64_t key) noexcept { recordings_.erase(key); }

OwnedGraphExec CudaStream::Capture(const std::function<void()>& record) {
  Synchronize();  // unfinished work of the direct run must not end up in the graph
  // Thread-local: other threads may go on allocating and freeing meanwhile.
  CheckCuda(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal), "begin to capture a graph");
  std::exception_ptr error;
  try {
    record();
  } catch (...) {
    error = std::current_exception();
  }
  cudaGraph_t captured = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream_.get(), &captured);  // always, or the stream stays capturing
  const OwnedGraph graph(captured);
  // Then this caused whatever `record` threw. Another thread waiting for the device is enough (a library's, which
  // does not ask us); the next capture may succeed.
  if (ended == cudaErrorStreamCaptureInvalidated) {
    cudaGetLastError();
    return {};
  }
  if (error) {
    cudaGetLastError();
    std::rethrow_exception(error);
  }
  CheckCuda(ended, "capture a graph");
  cudaGraphExec_t instance = nullptr;
  CheckCuda(cudaGraphInstantiate(&instance, graph.get(), 0), "instantiate a captured graph");
  OwnedGraphExec exec(instance);
  CheckCuda(cudaGraphUpload(exec.get(), stream_.Next()), "upload a captured graph");
  return exec;
}

}  // namespace arc2face
