// A CUDA stream: copies, events and captured graphs.
#include "stream.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "check.h"

namespace arc2face {

namespace {

// After each capture that failed, twice as many replays wait before the next: one capture costs about as much as a few
// of them, and what spoils them may last for the life of the process.
constexpr uint64_t kMostWaiting = 1024;

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
  ChooseGpu(index_);
  clock_->Tick();
  return stream_.get();
}

std::unique_ptr<Event> ClockedStream::Record() {
  ChooseGpu(index_);
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
  if (!recording.graph && recording.waiting > 0) {
    --recording.waiting;
  } else if (!recording.graph) {
    const std::unique_lock alone(device_.captures(), std::try_to_lock);
    if (alone && !(recording.graph = Capture(record))) {
      recording.wait = std::clamp<uint64_t>(2 * recording.wait, 1, kMostWaiting);
      recording.waiting = recording.wait;
    }
  }
  if (!recording.graph) {
    record();
    return;
  }
  CheckCuda(cudaGraphLaunch(recording.graph.get(), stream_.Next()), "launch a captured graph");
}

void CudaStream::Forget(uint64_t key) noexcept { recordings_.erase(key); }

OwnedGraphExec CudaStream::Capture(const std::function<void()>& record) {
  Synchronize();  // unfinished work of the direct run must not end up in the graph
  OwnedGraphExec exec;
  // Thread-local: other threads may go on allocating and freeing meanwhile.
  if (cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal) == cudaSuccess) {
    bool recorded = true;
    try {
      record();
    } catch (...) {
      recorded = false;
    }
    cudaGraph_t captured = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(stream_.get(), &captured);  // always, or the stream stays capturing
    const OwnedGraph graph(captured);
    cudaGraphExec_t instance = nullptr;
    if (recorded && ended == cudaSuccess) cudaGraphInstantiate(&instance, captured, 0);
    exec.reset(instance);
  }
  if (exec && cudaGraphUpload(exec.get(), stream_.Next()) == cudaSuccess) return exec;
  cudaGetLastError();  // or the next checked launch would report it again
  return {};
}

}  // namespace arc2face
