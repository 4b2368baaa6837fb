// Conversion of numbers between precisions.
#include "operations/diffusion/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "operation_data.h"

namespace arc2face::testing {
namespace {

TEST(Convert, RoundsToHalfAndBackOnEverySize) {
  for (const size_t count : kElementCounts) {
    const auto floats = RandomNumbers<float>(count, 3);
    std::vector<Half> halves(count + 1, Half{0x1234});
    std::vector<float> back(count + 1, -7);
    ConvertHost(floats.data(), halves.data(), count);
    ConvertHost(static_cast<const Half*>(halves.data()), back.data(), count);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(halves[i].bits, ToHalf(floats[i]).bits) << i;
      // Half of the last of 11 binary digits.
      EXPECT_TRUE(std::abs(back[i] - floats[i]) <= std::abs(floats[i]) * 0x1p-11f + 0x1p-25f) << floats[i];
    }
    EXPECT_EQ(halves[count].bits, 0x1234);
    EXPECT_EQ(back[count], -7);
  }
}

TEST(Convert, CopiesWhereNothingIsToBeConverted) {
  const auto floats = RandomNumbers<float>(33, 4);
  const auto halves = RandomNumbers<Half>(33, 5);
  std::vector<float> same_floats(33);
  std::vector<Half> same_halves(33);
  ConvertHost(floats.data(), same_floats.data(), 33);
  ConvertHost(halves.data(), same_halves.data(), 33);
  EXPECT_TRUE(SameBits(same_floats, floats));
  EXPECT_TRUE(SameBits(same_halves, halves));
}

}  // namespace
}  // namespace arc2face::testing
