// Finding numbers that are not finite.
#include "operations/diffusion/finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "operation_data.h"

namespace arc2face::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLargest = std::numeric_limits<float>::max();

TEST(Finite, TellsEveryHalfAsTheStandardLibraryDoes) {
  for (uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    EXPECT_EQ(IsFinite(half), std::isfinite(ToFloat(half))) << bits;
  }
}

TEST(Finite, TellsFloats) {
  for (const float value : {0.0f, -0.0f, 1.0f, kLargest, -kLargest, std::numeric_limits<float>::denorm_min()}) {
    EXPECT_TRUE(IsFinite(value)) << value;
  }
  for (const float value : {kInfinity, -kInfinity, kNan, -kNan, std::numeric_limits<float>::signaling_NaN()}) {
    EXPECT_FALSE(IsFinite(value)) << value;
  }
}

template <typename T>
void FindsOneAnywhere() {
  for (const size_t count : kElementCounts) {
    auto numbers = RandomNumbers<T>(count, 6);
    uint32_t found = 0;
    FindNotFiniteHost(numbers.data(), count, &found);
    EXPECT_EQ(found, 0u) << count;
    for (const size_t at : {size_t{0}, count / 2, count - 1}) {
      if (at >= count) continue;
      const T kept = std::exchange(numbers[at], FromFloat<T>(at % 2 == 0 ? kInfinity : kNan));
      found = 0;
      FindNotFiniteHost(numbers.data(), count, &found);
      EXPECT_EQ(found, 1u) << at << " of " << count;
      numbers[at] = kept;
      FindNotFiniteHost(numbers.data(), count, &found);
      EXPECT_EQ(found, 1u) << "what was found is kept";
    }
  }
}

TEST(Finite, FindsOneAnywhere) {
  FindsOneAnywhere<float>();
  FindsOneAnywhere<Half>();
}

}  // namespace
}  // namespace arc2face::testing
