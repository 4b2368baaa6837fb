// A request to stop work in progress, from any thread.
#pragma once

#include <functional>
#include <mutex>

namespace arc2face {

class Interrupt {
 public:
  Interrupt() = default;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Asks the work to stop: calls the handler of the open scope, if any.
  void Request();
  bool requested() const;

  // Asks all the process's work in a scope to stop, and any that opens one later.
  static void RequestAll();

  // While a scope is open, Request calls `stop` (once, under the lock, from the requesting thread, so it must be short
  // and must not throw). If the request came before, `stop` is called at once. The destructor waits for a running
  // `stop`.
  class Scope {
   public:
    Scope(Interrupt& interrupt, std::function<void()> stop);
    ~Scope();
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
