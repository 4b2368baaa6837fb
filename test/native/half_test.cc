// Half precision: conversion both ways, for all values.
#include "half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace arc2face {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The value of 16 bits by definition: (-1)^sign * 2^(exponent - 15) * 1.fraction, or 0.fraction * 2^-14.
float ByDefinition(uint32_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const float fraction = static_cast<float>(bits & 1023);
  const float sign = bits >> 15 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction == 0 ? sign * kInfinity : std::nanf("");
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

TEST(Half, MeansWhatTheFormatSays) {
  for (uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    const float value = ToFloat(Half{static_cast<uint16_t>(bits)});
    const float expected = ByDefinition(bits);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(value, expected) << bits;
      EXPECT_EQ(std::signbit(value), bits >> 15 != 0) << bits;
    }
  }
}

TEST(Half, SurvivesTheWayToFloatAndBack) {
  for (uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    EXPECT_EQ(ToHalf(ToFloat(half)).bits, std::isnan(ByDefinition(bits)) ? 0x7fff : bits) << bits;
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  // Between every two neighbours: just below the middle, the middle, and just above it.
  for (uint32_t lower = 0; lower < 0x7bff; ++lower) {
    const float a = ByDefinition(lower), b = ByDefinition(lower + 1);
    const float middle = a + (b - a) / 2;  // exact: 11 bits and one more
    const uint32_t even = lower % 2 == 0 ? lower : lower + 1;
    for (const uint32_t sign : {0u, 0x8000u}) {
      const float s = sign == 0 ? 1.0f : -1.0f;
      EXPECT_EQ(ToHalf(s * std::nextafter(middle, a)).bits, sign | lower) << lower;
      EXPECT_EQ(ToHalf(s * middle).bits, sign | even) << lower;
      EXPECT_EQ(ToHalf(s * std::nextafter(middle, b)).bits, sign | (lower + 1)) << lower;
    }
  }
}

TEST(Half, IsInfiniteFrom65520On) {
  EXPECT_EQ(ToHalf(std::nextafter(65520.0f, 0.0f)).bits, 0x7bff);
  for (const float value : {65520.0f, 1e5f, std::numeric_limits<float>::max(), kInfinity}) {
    EXPECT_EQ(ToHalf(value).bits, 0x7c00) << value;
    EXPECT_EQ(ToHalf(-value).bits, 0xfc00) << value;
  }
  EXPECT_EQ(ToHalf(std::numeric_limits<float>::denorm_min()).bits, 0);
}

}  // namespace
}  // namespace arc2face
