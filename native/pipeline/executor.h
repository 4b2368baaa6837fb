// The threads of a device: everything that its networks and operations do happens here, each kind of work in order.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "../device/device.h"

namespace arc2face {

// Runs jobs one after another. Long work posts itself again after each part, so that others get their turn between.
class Executor {
 public:
  Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Queues `job` behind all others; any thread. A job must not throw.
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

// The one executor for this kind of work on `device`; the host, which does one thing after another, has one for all. It
// lives as long as the process, as the device does: its thread sleeps when there is nothing to do, and nothing has to
// decide which of many models is the last.
Executor& ExecutorOf(Device& device, Lane lane);

// The one thread that loads models. A new one for each would leave an arena of the allocator behind, full of holes.
Executor& Loader();

}  // namespace arc2face
