// The index of identities among threads: what JavaScript can't time. What it finds is checked in test/core.
#include "operations/face/identity_index.h"

#include <gtest/gtest.h>

#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "error.h"
#include "operations/face/face.h"
#include "operations/face/identity_source.h"

namespace arc2face::testing {
namespace {

std::vector<float> Directions(uint64_t seed, size_t count) {
  Interrupt interrupt;
  return IdentitySource(seed, {}, {}).Draw(count, interrupt);
}

TEST(IdentityIndex, FindsEachOfItsOwnWhileOthersSearchIt) {
  constexpr size_t kCount = 2100;  // more blocks than a thread takes at a time, and one that is not full
  const std::vector<float> own = Directions(1, kCount);
  IdentityIndex index;
  index.Add(own);
  const auto search = [&] {
    constexpr size_t kFirst = kCount - 150;
    Interrupt interrupt;
    const auto found = index.Find(std::span(own).subspan(kFirst * kEmbeddingSize), interrupt);
    ASSERT_EQ(found.size(), kCount - kFirst);
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].index, kFirst + i);
  };
  std::thread other(search);
  search();
  other.join();
}

TEST(IdentityIndex, StopsWhenInterrupted) {
  IdentityIndex index;
  index.Add(Directions(1, 8'000));
  const std::vector<float> queries = Directions(2, 2'000);
  Interrupt interrupt;
  std::thread stop([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    interrupt.Request();
  });
  try {
    index.Find(queries, interrupt);
    ADD_FAILURE() << "found all";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  stop.join();
}

TEST(IdentityIndex, AddsNothingWhenInterrupted) {
  IdentityIndex index;
  const std::vector<float> vectors = Directions(1, 3);
  Interrupt interrupt;
  interrupt.Request();
  EXPECT_THROW(index.AddDistinct(vectors, 1, interrupt), Error);
  Interrupt other;
  EXPECT_LT(index.Find(vectors, other)[0].similarity, -1);
}

}  // namespace
}  // namespace arc2face::testing
