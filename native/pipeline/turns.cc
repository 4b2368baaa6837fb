// Turns of calls and builds.
#include "turns.h"

#include <utility>

#include "../error.h"

namespace arc2face {

void Turns::Begin(const void* who, std::function<void()> start) {
  {
    const std::lock_guard lock(mutex_);
    if (builds_ > 0) {
      held_.emplace(who, std::move(start));
      return;
    }
    running_.insert(who);
  }
  start();
}

void Turns::End(const void* who) {
  std::function<void()> never;  // freed without the lock, and with it what it holds
  {
    const std::lock_guard lock(mutex_);
    running_.erase(who);
    if (const auto held = held_.find(who); held != held_.end()) {
      never = std::move(held->second);
      held_.erase(held);
    }
  }
  changed_.notify_all();
}

Turns::Alone::Alone(Turns& turns, Interrupt& interrupt, const std::function<void()>& waiting) : turns_(turns) {
  bool stopped = false;
  const Interrupt::Scope scope(interrupt, [&] {
    {
      const std::lock_guard lock(turns.mutex_);
      stopped = true;
    }
    turns.changed_.notify_all();
  });
  std::unique_lock lock(turns.mutex_);
  ++turns.builds_;
  if (!turns.running_.empty()) {
    lock.unlock();
    waiting();
    lock.lock();
  }
  turns.changed_.wait(lock, [&] { return stopped || turns.running_.empty(); });
  if (!stopped) return;
  lock.unlock();
  turns.EndBuild();
  throw Error(ErrorCode::kCancelled, "Waiting for the device was cancelled.");
}

void Turns::EndBuild() {
  std::map<const void*, std::function<void()>> begin;
  {
    const std::lock_guard lock(mutex_);
    if (--builds_ > 0) return;
    begin = std::exchange(held_, {});
    for (const auto& [who, start] : begin) running_.insert(who);
  }
  for (const auto& [who, start] : begin) start();
}

Turns& TurnsOf(Device& device) {
  // Never destroyed: threads that use it outlast static destruction.
  static auto& mutex = *new std::mutex;
  static auto& all = *new std::map<Device*, Turns>;
  const std::lock_guard lock(mutex);
  return all[&device];
}

}  // namespace arc2face
