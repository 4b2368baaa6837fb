// The threads of devices.
#include "executor.h"

#include <map>
#include <thread>
#include <utility>

#include "../process_end.h"

namespace arc2face {

Executor::Executor() {
  std::thread([this] { Work(); }).detach();
}

void Executor::Post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    WorkQueued();  // not before: there may be no memory
  }
  changed_.notify_one();
}

void Executor::Work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !jobs_.empty(); });
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    WorkBegins();
    try {
      job();
    } catch (...) {
      // Better one call without an answer than the end of Node.
    }
    job = nullptr;  // and with it what it holds
    WorkEnds();
  }
}

Executor& ExecutorOf(Device& device, Lane lane) {
  // Never destroyed: its detached threads outlast static destruction.
  static auto& mutex = *new std::mutex;
  static auto& executors = *new std::map<std::pair<Device*, Lane>, Executor*>;
  const std::lock_guard lock(mutex);
  Executor*& executor = executors[{&device, device.asynchronous() ? lane : Lane::kDenoising}];
  if (executor == nullptr) executor = new Executor;
  return *executor;
}

Executor& Loader() {
  static auto& loader = *new Executor;
  return loader;
}

}  // namespace arc2face
