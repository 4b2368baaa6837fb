// A caller's request in the pipeline: settled once, by whoever is first.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <utility>
#include <variant>

#include "../error.h"
#include "../interrupt.h"

namespace arc2face {

// A value, or the exception thrown instead.
template <typename T>
using Outcome = std::variant<T, std::exception_ptr>;

// The exception being handled; exhausted host memory becomes an Error like any other.
inline std::exception_ptr CurrentError() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return std::make_exception_ptr(
        Error(ErrorCode::kOutOfMemory, "The host's memory is exhausted.", {.device = "cpu"}));
  } catch (...) {
    return std::current_exception();
  }
}

class Call {
 public:
  virtual ~Call() = default;

  // Settles with `error` and asks the work to stop; the work notices later, on its own thread. Any thread, any number
  // of times.
  virtual void Fail(std::exception_ptr error) = 0;
  bool settled() const noexcept { return settled_.load(); }
  // Stops a network that runs only for this call.
  Interrupt& interrupt() noexcept { return interrupt_; }

 protected:
  // True for the first caller only.
  bool Claim() noexcept { return !settled_.exchange(true); }

 private:
  Interrupt interrupt_;
  std::atomic<bool> settled_ = false;
};

// `done` is called once, from the thread that settles.
template <typename T>
class CallOf : public Call {
 public:
  explicit CallOf(std::function<void(Outcome<T>)> done) : done_(std::move(done)) {}

  void Succeed(T value) {
    if (Claim()) done_(Outcome<T>(std::in_place_index<0>, std::move(value)));
  }
  void Fail(std::exception_ptr error) override {
    if (Claim()) done_(Outcome<T>(std::in_place_index<1>, std::move(error)));
    interrupt().Request();
  }

 private:
  std::function<void(Outcome<T>)> done_;
};

}  // namespace arc2face
