// Noise, against PyTorch's rules with the standard library.
#include "operations/diffusion/noise.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

namespace arc2face {
namespace {

// torch.randn's rules for 16 values or more, with the standard library's generator, logarithm and cosine.
std::vector<double> Expected(uint32_t seed, size_t count) {
  std::mt19937 mt(seed);
  std::vector<double> values(count);
  const auto draw = [&](size_t from, size_t n) {
    for (size_t i = from; i < from + n; ++i) values[i] = static_cast<double>(mt() & 0xffffff) / (1 << 24);
  };
  const auto transform = [&](size_t from) {
    for (size_t j = from; j < from + 8; ++j) {
      const double radius = std::sqrt(-2 * std::log(1 - values[j]));
      const double angle = 2 * std::numbers::pi * values[j + 8];
      values[j] = radius * std::cos(angle);
      values[j + 8] = radius * std::sin(angle);
    }
  };
  draw(0, count);
  for (size_t from = 0; from + 16 <= count; from += 16) transform(from);
  if (count % 16 != 0) {
    draw(count - 16, 16);
    transform(count - 16);
  }
  return values;
}

TEST(Noise, IsTheNearestFloatOfTheExactTransform) {
  // 15708 = 4 * 63 * 62 + 84 is ragged. All of double precision's own error is far below half a unit of float32's last
  // place.
  for (const size_t count : {16u, 17u, 31u, 32u, 33u, 257u, 16384u, 15708u}) {
    std::vector<float> values(count);
    NoiseGenerator(42).Draw(values.data(), count);
    const std::vector<double> expected = Expected(42, count);
    for (size_t i = 0; i < count; ++i) {
      const double unit =
          std::nextafter(std::abs(values[i]), std::numeric_limits<float>::infinity()) - std::abs(values[i]);
      EXPECT_LE(std::abs(values[i] - expected[i]), 0.5001 * unit) << "value " << i << " of " << count;
    }
  }
}

TEST(Noise, OfNoValuesTakesNothingFromTheGenerator) {
  std::array<float, 20> drawn, after_nothing;
  NoiseGenerator plain(3), asked(3);
  asked.Draw(nullptr, 0);
  plain.Draw(drawn.data(), drawn.size());
  asked.Draw(after_nothing.data(), after_nothing.size());
  EXPECT_EQ(drawn, after_nothing);
}

TEST(Noise, KeepsTheSecondValueOfASmallDrawsPairAcrossCopies) {
  NoiseGenerator generator(9);
  float first;
  generator.Draw(&first, 1);
  NoiseGenerator copy = generator;
  float second, of_copy;
  generator.Draw(&second, 1);
  copy.Draw(&of_copy, 1);
  EXPECT_EQ(second, of_copy);
  std::array<float, 2> both;
  NoiseGenerator(9).Draw(both.data(), 2);
  EXPECT_EQ(both[0], first);
  EXPECT_EQ(both[1], second);
}

}  // namespace
}  // namespace arc2face
