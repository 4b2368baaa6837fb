// Memory freed while its work is queued.
#include "device/cuda/retired.h"

#include <gtest/gtest.h>

#include <thread>

namespace arc2face {
namespace {

using Pointers = std::vector<void*>;

class RetiredMemoryTest : public ::testing::Test {
 protected:
  RetiredMemory retired;
  int a, b;
};

TEST_F(RetiredMemoryTest, IsUnusedAtOnceWhenNoStreamHasWork) {
  const auto stream = retired.AddStream();
  stream->Tick();
  stream->Reach(stream->Now());
  retired.Add(&a);
  EXPECT_EQ(retired.Take(), Pointers{&a});
  EXPECT_EQ(retired.Take(), Pointers{});
}

TEST_F(RetiredMemoryTest, WaitsForWorkThatWasQueuedBefore) {
  const auto stream = retired.AddStream();
  stream->Tick();
  const uint64_t early = stream->Now();
  stream->Tick();
  retired.Add(&a);
  EXPECT_EQ(retired.Take(), Pointers{});
  stream->Reach(early);
  EXPECT_EQ(retired.Take(), Pointers{});
  stream->Reach(stream->Now());
  EXPECT_EQ(retired.Take(), Pointers{&a});
}

TEST_F(RetiredMemoryTest, DoesNotWaitForWorkThatCameAfter) {
  const auto stream = retired.AddStream();
  stream->Tick();
  retired.Add(&a);
  const uint64_t then = stream->Now();
  stream->Tick();
  retired.Add(&b);
  stream->Reach(then);
  EXPECT_EQ(retired.Take(), Pointers{&a});
  stream->Reach(stream->Now());
  EXPECT_EQ(retired.Take(), Pointers{&b});
}

TEST_F(RetiredMemoryTest, WaitsForEveryStream) {
  const auto first = retired.AddStream();
  auto second = retired.AddStream();
  first->Tick();
  second->Tick();
  retired.Add(&a);
  first->Reach(first->Now());
  EXPECT_EQ(retired.Take(), Pointers{});
  second->Reach(second->Now());
  second.reset();
  EXPECT_EQ(retired.Take(), Pointers{&a});
}

TEST_F(RetiredMemoryTest, TakesFromManyThreadsEachPieceOnce) {
  std::vector<int> pieces(1000);
  std::vector<std::thread> threads;
  std::atomic<size_t> taken = 0;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto stream = retired.AddStream();
      for (size_t i = t; i < pieces.size(); i += 4) {
        stream->Tick();
        retired.Add(&pieces[i]);
        stream->Reach(stream->Now());
        taken += retired.Take().size();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken + retired.Take().size(), pieces.size());
}

}  // namespace
}  // namespace arc2face
