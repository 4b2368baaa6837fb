// A request to stop work in progress, from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace arc2face {

class Interrupt {
 public:
  Interrupt() = default;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Asks the work to stop: calls the handler of the scope that is open, if one is.
  void Request() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(requested_, true)) return;
    if (handler_) handler_();
  }

  bool requested() const {
    const std::lock_guard lock(mutex_);
    return requested_;
  }

  // While a scope is open, Request calls `stop` (once, under the lock, from the requesting thread, so it must be short
  // and must not throw). If the request came before, `stop` is called at once. The destructor waits for a running
  // `stop`.
  class Scope {
   public:
    Scope(Interrupt& interrupt, std::function<void()> stop) : interrupt_(interrupt) {
      const std::lock_guard lock(interrupt_.mutex_);
      if (interrupt_.requested_) stop();
      interrupt_.handler_ = std::move(stop);
    }
    ~Scope() {
      const std::lock_guard lock(interrupt_.mutex_);
      interrupt_.handler_ = nullptr;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Interrupt& interrupt_;
  };

 private:
  mutable std::mutex mutex_;
  bool requested_ = false;
  std::function<void()> handler_;
};

}  // namespace arc2face
