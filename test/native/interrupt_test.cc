// Interrupts.
#include "interrupt.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace arc2face {
namespace {

TEST(Interrupt, StopsTheOpenScopeOnce) {
  Interrupt interrupt;
  int stops = 0;
  const Interrupt::Scope scope(interrupt, [&] { ++stops; });
  EXPECT_FALSE(interrupt.requested());
  EXPECT_EQ(stops, 0);
  interrupt.Request();
  interrupt.Request();
  EXPECT_TRUE(interrupt.requested());
  EXPECT_EQ(stops, 1);
}

TEST(Interrupt, StopsAScopeThatOpensTooLate) {
  Interrupt interrupt;
  interrupt.Request();
  int stops = 0;
  const Interrupt::Scope scope(interrupt, [&] { ++stops; });
  EXPECT_EQ(stops, 1);
}

TEST(Interrupt, LeavesAClosedScopeAlone) {
  Interrupt interrupt;
  int stops = 0;
  {
    const Interrupt::Scope scope(interrupt, [&] { ++stops; });
  }
  interrupt.Request();
  EXPECT_TRUE(interrupt.requested());
  EXPECT_EQ(stops, 0);
}

TEST(Interrupt, ClosingWaitsForTheRunningStop) {
  Interrupt interrupt;
  std::atomic<bool> stopping{false}, stopped{false};
  std::thread requester;
  {
    const Interrupt::Scope scope(interrupt, [&] {
      stopping = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      stopped = true;
    });
    requester = std::thread([&] { interrupt.Request(); });
    while (!stopping) std::this_thread::yield();
  }
  EXPECT_TRUE(stopped);
  requester.join();
}

TEST(Interrupt, AnyThreadMayRequest) {
  for (int round = 0; round < 50; ++round) {
    Interrupt interrupt;
    int stops = 0;  // written only under the interrupt's lock
    std::vector<std::thread> requesters;
    for (int i = 0; i < 4; ++i) requesters.emplace_back([&] { interrupt.Request(); });
    {
      const Interrupt::Scope scope(interrupt, [&] { ++stops; });
    }
    for (std::thread& requester : requesters) requester.join();
    EXPECT_TRUE(interrupt.requested());
    EXPECT_LE(stops, 1);
  }
}

}  // namespace
}  // namespace arc2face
