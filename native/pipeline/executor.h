// A device's threads: all work of its networks and operations happens here, each kind in order.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "../device/device.h"

namespace arc2face {

// Runs jobs one after another. Long work reposts itself after each part, so that others get a turn.
class Executor {
 public:
  Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Queues `job` behind all others; any thread. A job tells its own failures: what it throws is lost.
  void Post(std::function<void()> job);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
};

// The kinds of work, in the order of the flow.
enum class Lane : size_t { kFaces, kDenoising, kPainting };
inline constexpr std::array kLanes = {Lane::kFaces, Lane::kDenoising, Lane::kPainting};

// The executor for this kind of work on `device`; the host, which is not asynchronous, has one for all. It
// lives as long as the process, like the device: its thread sleeps when idle, and nothing has to
// decide which model is the last.
Executor& ExecutorOf(Device& device, Lane lane);

// The thread that loads models. A new one for each would leave a fragmented allocator arena behind.
Executor& Loader();

}  // namespace arc2face
