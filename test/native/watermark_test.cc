// The invisible watermark within its memory, and its parts. What it survives is checked in test/core.
#include "operations/watermark/watermark.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <random>
#include <vector>

#include "error.h"
#include "operations/watermark/fourier.h"
#include "operations/watermark/pattern.h"
#include "operations/watermark/scales.h"
#include "operations/watermark/tile.h"

namespace arc2face {
namespace {

using namespace watermark;

constexpr WatermarkPayload kPayload{0x00, 0xff, 0x12, 0xa5, 0x80, 0x7e};

// Smooth, with some noise: [height, width, 3].
std::vector<uint8_t> Image(int width, int height) {
  std::mt19937 random(7);
  std::vector<uint8_t> bytes;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double level = 120 + 60 * std::sin(0.03 * x + 0.02 * y) + static_cast<double>(random() % 9);
      bytes.insert(bytes.end(), 3, static_cast<uint8_t>(level));
    }
  }
  return bytes;
}

// Images and results are in vectors of their exact size, so that AddressSanitizer notices a pixel too many.
TEST(Watermark, TakesEverySize) {
  constexpr int kSides[] = {1, 2, 15, 16, 17, 127, 128, 257};
  for (const int width : kSides) {
    for (const int height : kSides) {
      const std::vector<uint8_t> image = Image(width, height);
      const std::vector<uint8_t> marked = EmbedWatermark({image.data(), width, height}, kPayload);
      ASSERT_EQ(marked.size(), image.size());
      Interrupt interrupt;
      const auto found = ReadWatermark({marked.data(), width, height}, interrupt);
      EXPECT_FALSE(ReadWatermark({image.data(), width, height}, interrupt)) << width << " x " << height;
      if (std::min(width, height) == 257) {
        ASSERT_TRUE(found);
        EXPECT_EQ(found->payload, kPayload);
      }
    }
  }
}

// Both sides are odd, so that the middle begins inside a block.
TEST(Watermark, IsReadInTheMiddleOfALargeImage) {
  constexpr int kWidth = 2301, kHeight = 2115;
  const std::vector<uint8_t> image = Image(kWidth, kHeight);
  std::vector<uint8_t> marked = EmbedWatermark({image.data(), kWidth, kHeight}, kPayload);
  // What is outside of it does not count.
  std::fill_n(marked.begin(), 3 * kWidth * 30, uint8_t{0});
  Interrupt interrupt;
  const auto found = ReadWatermark({marked.data(), kWidth, kHeight}, interrupt);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->payload, kPayload);
}

TEST(Watermark, StopsWhenInterrupted) {
  const std::vector<uint8_t> image = Image(300, 300);
  Interrupt interrupt;
  interrupt.Request();
  try {
    ReadWatermark({image.data(), 300, 300}, interrupt);
    ADD_FAILURE() << "searched all scales";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

TEST(WatermarkPattern, HasWavesOfLengthOneThatAreOrthogonal) {
  for (const auto& wave : AllWaves()) {
    float products[2 * kWaves];
    Project(wave.data(), 0, 2 * kWaves, products);
    // Sums of 256 products of float32, each at most 1/64.
    for (size_t i = 0; i < 2 * kWaves; ++i) EXPECT_NEAR(products[i], &AllWaves()[i] == &wave ? 1 : 0, 1e-5);
  }
}

TEST(WatermarkPattern, ReadsPayloadsOfWhichASixthOfAllSignsIsWrong) {
  std::mt19937 random(3);
  for (int i = 0; i < 50; ++i) {
    WatermarkPayload payload;
    for (uint8_t& byte : payload) byte = static_cast<uint8_t>(random());
    auto chips = PayloadSigns(payload);
    for (float& chip : chips) {
      if (random() % 6 == 0) chip = -chip;
    }
    EXPECT_EQ(ReadPayload(chips), payload);
  }
}

TEST(WatermarkPattern, ReadsNoPayloadFromNoise) {
  std::mt19937 random(4);
  for (int i = 0; i < 200; ++i) {
    std::array<float, kPayloadChips> chips;
    for (float& chip : chips) chip = static_cast<float>(random() % 2001) - 1000;
    EXPECT_FALSE(ReadPayload(chips));  // one in 65,536 would have the right checksum
  }
}

TEST(WatermarkFourier, IsTheSumThatDefinesIt) {
  constexpr size_t kWidth = 32, kHeight = 8;
  std::mt19937 random(5);
  Spectrum plane{.width = kWidth, .height = kHeight, .real = {}, .imaginary = {}};
  for (size_t i = 0; i < kWidth * kHeight; ++i) {
    plane.real.push_back(static_cast<float>(random() % 100));
    plane.imaginary.push_back(static_cast<float>(random() % 100));
  }
  const Spectrum before = plane;
  Transform(plane, false);
  ASSERT_EQ(plane.width, kHeight);
  ASSERT_EQ(plane.height, kWidth);
  for (size_t u = 0; u < kWidth; ++u) {
    for (size_t v = 0; v < kHeight; ++v) {
      std::complex<double> sum = 0;
      for (size_t y = 0; y < kHeight; ++y) {
        for (size_t x = 0; x < kWidth; ++x) {
          const double turns = static_cast<double>(u * x) / kWidth + static_cast<double>(v * y) / kHeight;
          const std::complex<double> value(before.real[y * kWidth + x], before.imaginary[y * kWidth + x]);
          sum += value * std::polar(1.0, -2 * std::numbers::pi * turns);
        }
      }
      // Eight stages of float32 over values up to 25,600.
      EXPECT_NEAR(plane.real[u * kHeight + v], sum.real(), 0.05);
      EXPECT_NEAR(plane.imaginary[u * kHeight + v], sum.imag(), 0.05);
    }
  }
  Transform(plane, true);
  for (size_t i = 0; i < before.real.size(); ++i) {
    EXPECT_NEAR(plane.real[i] / (kWidth * kHeight), before.real[i], 1e-3);
    EXPECT_NEAR(plane.imaginary[i] / (kWidth * kHeight), before.imaginary[i], 1e-3);
  }
}

TEST(WatermarkTile, AddsUpWhatRepeats) {
  constexpr size_t kSide = 100, kTile = 16;
  Plane plane{.width = kSide, .height = kSide, .values = {}};
  for (size_t i = 0; i < kSide * kSide; ++i) {
    plane.values.push_back(static_cast<float>(i / kSide % kTile * kTile + i % kSide % kTile));
  }
  const std::vector<float> sums = Fold(plane, 1, kTile);
  for (size_t y = 0; y < kTile; ++y) {
    for (size_t x = 0; x < kTile; ++x) {
      const size_t tiles = (kSide / kTile + (y < kSide % kTile)) * (kSide / kTile + (x < kSide % kTile));
      EXPECT_EQ(sums[y * kTile + x], static_cast<float>(tiles * (y * kTile + x)));
    }
  }
}

TEST(WatermarkScales, ReachFromHalfToTwice) {
  EXPECT_LT(ScaleOf(-kMostSteps), 0.5);
  EXPECT_GT(ScaleOf(kMostSteps), 2);
  EXPECT_EQ(ScaleOf(0), 1);
}

}  // namespace
}  // namespace arc2face
