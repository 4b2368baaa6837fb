// The end of the process during native work.
#include "process_end.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <thread>

#include "interrupt.h"
#include "pipeline/executor.h"

namespace arc2face {
namespace {

// Stands for what a library destroys while the process ends.
std::atomic<bool> destroyed = false;

// Registered after the guard, as what ONNX Runtime makes while it works.
void DestroyAtExit() {
  std::atexit([] {
    destroyed = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
}

// As work does that needs it.
void UseWhatIsDestroyed() {
  if (destroyed) std::abort();
}

void ExitsAtWork(const std::function<void(Interrupt&)>& work) {
  StopWorkAtExit();
  static auto& executor = *new Executor;
  static auto& begun = *new std::promise<void>;
  static auto& interrupt = *new Interrupt;
  executor.Post([work] {
    DestroyAtExit();
    begun.set_value();
    work(interrupt);
  });
  // Its turn never comes.
  executor.Post([] {
    UseWhatIsDestroyed();
    std::fputs("begun too late\n", stderr);
  });
  begun.get_future().wait();
  std::atexit([] { std::fputs("handlers were called\n", stderr); });
  std::exit(7);
}

class ProcessEnd : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ProcessEnd, StopsWorkBeforeAnythingIsDestroyed) {
  const auto work = [](Interrupt& interrupt) {
    std::atomic<bool> stop = false;
    const Interrupt::Scope scope(interrupt, [&] { stop = true; });
    while (!stop) UseWhatIsDestroyed();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    UseWhatIsDestroyed();
  };
  EXPECT_EXIT(ExitsAtWork(work), testing::ExitedWithCode(7), "^handlers were called\n$");
}

#ifdef __GLIBC__
TEST_F(ProcessEnd, IsNotHeldUpByWorkThatDoesNotStop) {
  const auto work = [](Interrupt&) {
    std::setvbuf(stderr, nullptr, _IOFBF, BUFSIZ);
    std::fputs("flushed", stderr);
    for (;;) UseWhatIsDestroyed();
  };
  // The other handlers are left out: what they free may be in use.
  EXPECT_EXIT(ExitsAtWork(work), testing::ExitedWithCode(7), "^flushed$");
}

TEST_F(ProcessEnd, IsGuardedByOtherThreadsThanTheMainOne) {
  const auto exits = [] {
    static auto& executor = *new Executor;
    static auto& begun = *new std::promise<void>;
    executor.Post([] {
      DestroyAtExit();
      begun.set_value();
      for (;;) UseWhatIsDestroyed();
    });
    std::thread([] {
      StopWorkAtExit();
      begun.get_future().wait();
      StopWorkAtExitOfOthers();
    }).join();
    std::exit(7);
  };
  EXPECT_EXIT(exits(), testing::ExitedWithCode(7), "^$");
}
#endif

}  // namespace
}  // namespace arc2face
