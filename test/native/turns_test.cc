// Turns of calls and builds on a device.
#include "pipeline/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "error.h"

namespace arc2face {
namespace {

const int kFirst = 0, kSecond = 0;  // calls, by their addresses
const auto kNothing = [] {};

TEST(Turns, LetCallsBeginAtOnceAndTogether) {
  Turns turns;
  std::string log;
  turns.Begin(&kFirst, [&] { log += "first "; });
  turns.Begin(&kSecond, [&] { log += "second "; });
  EXPECT_EQ(log, "first second ");
}

TEST(Turns, HoldCallsBackDuringABuild) {
  Turns turns;
  std::string log;
  {
    Interrupt interrupt;
    const Turns::Alone build(turns, interrupt, [&] { log += "waiting "; });
    turns.Begin(&kFirst, [&] { log += "first "; });
    log += "built ";
  }
  EXPECT_EQ(log, "built first ");
  turns.Begin(&kSecond, [&] { log += "second "; });
  EXPECT_EQ(log, "built first second ");
}

TEST(Turns, NeverBeginACallThatEndsWhileItIsHeldBack) {
  Turns turns;
  bool began = false;
  {
    Interrupt interrupt;
    const Turns::Alone build(turns, interrupt, kNothing);
    turns.Begin(&kFirst, [&] { began = true; });
    turns.End(&kFirst);
    turns.End(&kFirst);
  }
  EXPECT_FALSE(began);
  Interrupt interrupt;
  const Turns::Alone next(turns, interrupt, [] { FAIL() << "nothing is left to wait for"; });
}

TEST(Turns, LetABuildWaitForEveryCallAndHoldNewOnesMeanwhile) {
  Turns turns;
  turns.Begin(&kFirst, kNothing);
  std::atomic<bool> waits = false, building = false, began = false, done = false;
  std::thread builder([&] {
    Interrupt interrupt;
    const Turns::Alone build(turns, interrupt, [&] { waits = true; });
    building = true;
    while (!done) std::this_thread::yield();
  });
  while (!waits) std::this_thread::yield();
  turns.Begin(&kSecond, [&] { began = true; });
  EXPECT_FALSE(building);
  EXPECT_FALSE(began);
  turns.End(&kFirst);
  while (!building) std::this_thread::yield();
  EXPECT_FALSE(began);
  done = true;
  builder.join();
  EXPECT_TRUE(began);
}

TEST(Turns, AreGivenBackWhenAWaitingBuildIsStopped) {
  Turns turns;
  turns.Begin(&kFirst, kNothing);
  bool began = false;
  Interrupt interrupt;
  try {
    const Turns::Alone build(turns, interrupt, [&] {
      turns.Begin(&kSecond, [&] { began = true; });
      interrupt.Request();
    });
    FAIL() << "it was stopped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_TRUE(began);
}

TEST(Turns, OfADeviceAreTheSameForAll) { EXPECT_EQ(&TurnsOf(HostDevice()), &TurnsOf(HostDevice())); }

}  // namespace
}  // namespace arc2face
