// Native work at the end of the process.
#include "process_end.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "interrupt.h"

#ifndef _WIN32
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <pthread.h>
#endif

namespace arc2face {
namespace {

// Networks stop after their current operator, which is soon; but ONNX Runtime may optimise a big network for
// many seconds without checking.
constexpr auto kPatience = std::chrono::milliseconds(200);

// For when only other threads than the main one use the library. What is registered at their end comes too late for the
// static objects that ONNX Runtime makes afterwards, so that there is little work left to be caught by it matters more.
constexpr auto kPatienceWithoutMainThread = std::chrono::seconds(2);

struct Work {
  std::mutex mutex;
  std::condition_variable changed;
  size_t queued = 0;
  size_t running = 0;
  bool ending = false;
  bool stopped_by_main_thread = false;
};

Work& AllWork() {
  static auto& work = *new Work;  // never destroyed: work may outlast static destruction
  return work;
}

}  // namespace

void WorkQueued() {
  const std::lock_guard lock(AllWork().mutex);
  ++AllWork().queued;
}

void WorkBegins() {
  Work& work = AllWork();
  std::unique_lock lock(work.mutex);
  work.changed.wait(lock, [&] { return !work.ending; });
  --work.queued;
  ++work.running;
}

void WorkEnds() {
  const std::lock_guard lock(AllWork().mutex);
  --AllWork().running;
  AllWork().changed.notify_all();
}

bool IsMainThread() {
#ifdef __linux__
  return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
  return pthread_main_np() != 0;
#else
  return false;
#endif
}

#ifdef _WIN32

// Windows ends all other threads before it destroys anything.
void StopWorkAtExit() {}
void StopWorkAtExitOfOthers() {}

#else

namespace {

// True: no work runs, and none will. Waits once, however often it is called.
bool StopWork() {
  Work& work = AllWork();
  {
    const std::lock_guard lock(work.mutex);
    work.ending = true;
  }
  Interrupt::RequestAll();
  static const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::unique_lock lock(work.mutex);
  return work.changed.wait_until(lock, deadline, [&] { return work.running == 0; });
}

#ifdef __GLIBC__
// As an exit handler. Those that were registered before it are left out, as what they free is still in use.
void LeaveIfWorking(int status, void*) {
  if (StopWork()) return;
  std::fflush(nullptr);
  _exit(status);
}

void LeaveIfWorkingAtExit() { on_exit(LeaveIfWorking, nullptr); }
#else
// Handlers are not told the exit code here: better late than with the wrong one.
void LeaveIfWorkingAtExit() {
  std::atexit([] {
    while (!StopWork()) usleep(1000);
  });
}
#endif

// exit() destroys what belongs to its own thread before it calls any handler and any static object's destructor, in
// whatever order those were registered: ONNX Runtime makes some of its static objects while it works.
struct StopsWork {
  ~StopsWork() {
    if (!StopWork()) LeaveIfWorkingAtExit();
  }
};

}  // namespace

void StopWorkAtExit() {
  if (!IsMainThread()) return;
  thread_local const StopsWork stops_work;
  static_cast<void>(stops_work);
  const std::lock_guard lock(AllWork().mutex);
  AllWork().stopped_by_main_thread = true;
}

void StopWorkAtExitOfOthers() {
  Work& work = AllWork();
  std::unique_lock lock(work.mutex);
  if (work.stopped_by_main_thread) return;
  if (work.changed.wait_for(lock, kPatienceWithoutMainThread, [&] { return work.queued + work.running == 0; })) return;
  lock.unlock();
  // Each time: handlers run in reverse order, and only the latest comes before the static objects that were made since.
  LeaveIfWorkingAtExit();
}

#endif

}  // namespace arc2face
