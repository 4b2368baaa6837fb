// Who uses a device: calls, many at once, or a build of an engine, alone. A builder times its choices on the GPU, and
// what it chooses while others work is wrong as long as the engine lives.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "../device/device.h"
#include "../interrupt.h"

namespace arc2face {

// Any thread. `who` is the address of a call.
class Turns {
 public:
  // Runs `start` at once or, if a build uses the device or waits for it, after that.
  void Begin(const void* who, std::function<void()> start);
  // The call has ended; if its turn has not come, it never does. Any number of times.
  void End(const void* who);

  // The turn of a build.
  class Alone {
   public:
    // Waits until the calls that have begun have ended, and first tells so by `waiting`. Throws kCancelled.
    Alone(Turns& turns, Interrupt& interrupt, const std::function<void()>& waiting);
    ~Alone() { turns_.EndBuild(); }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;

   private:
    Turns& turns_;
  };

 private:
  void EndBuild();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<const void*> running_;
  std::map<const void*, std::function<void()>> held_;
  size_t builds_ = 0;  // under way or waiting
};

// The device's; it lives as long as the process.
Turns& TurnsOf(Device& device);

}  // namespace arc2face
