// Operations on photos and images, within their memory.
#include "operations/image/image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "error.h"
#include "operations/image/latent_colours.h"

namespace arc2face {
namespace {

constexpr int kSides[] = {1, 2, 31, 32, 33, 257};

std::vector<uint8_t> Bytes(size_t count) {
  std::mt19937 random(11);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

template <typename Work>
void ExpectInvalid(Work work) {
  try {
    work();
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
  }
}

// Photos and results are in vectors of their exact size, so that AddressSanitizer notices a pixel too many.
TEST(Resize, StaysBetweenDarkestAndBrightestOnEverySize) {
  for (const int from : kSides) {
    for (const int to : kSides) {
      std::vector<uint8_t> photo = Bytes(3 * static_cast<size_t>(from) * 5);
      for (uint8_t& byte : photo) byte = static_cast<uint8_t>(100 + byte % 50);
      std::vector<uint8_t> wide(3 * static_cast<size_t>(to) * 7), tall(3 * static_cast<size_t>(to) * 7);
      ResizeHost({photo.data(), from, 5}, to, 7, wide.data());
      ResizeHost({photo.data(), 5, from}, 7, to, tall.data());
      for (const uint8_t value : wide) EXPECT_TRUE(value >= 99 && value <= 149) << from << " to " << to;
      for (const uint8_t value : tall) EXPECT_TRUE(value >= 99 && value <= 149) << from << " to " << to;
    }
  }
}

TEST(Resize, TakesTheLongestPhotos) {
  const std::vector<uint8_t> photo = Bytes(3 * size_t{kMaxSide});
  std::vector<uint8_t> resized(3 * 640);
  ResizeHost({photo.data(), kMaxSide, 1}, 640, 1, resized.data());
  ResizeHost({photo.data(), 1, kMaxSide}, 1, 640, resized.data());
  std::vector<uint8_t> same(photo.size());
  ResizeHost({photo.data(), kMaxSide, 1}, kMaxSide, 1, same.data());
  EXPECT_EQ(same, photo);
}

TEST(LatentColours, AreSumsOfTheChannelsThatAreQuantisedAsImagesAre) {
  // Two channels of three pixels.
  const std::vector<float> latents = {0, 1, -4, 0, 0.5f, 2};
  const LatentColours colours = {0.5f, 0, -1, 0, 1, 0, 0, -0.25f, 1};
  std::vector<uint8_t> rgb(9);
  ColourLatents(latents.data(), 3, colours, rgb.data());
  EXPECT_EQ(rgb, (std::vector<uint8_t>{128, 96, 255, 191, 159, 128, 0, 255, 255}));
}

TEST(Letterbox, FillsEveryValueOfTheInput) {
  for (const int width : kSides) {
    for (const int height : kSides) {
      const std::vector<uint8_t> photo = Bytes(3 * static_cast<size_t>(width) * height);
      const Letterbox letterbox = FitPhoto(width, height, 64, 96);
      std::vector<float> input(3 * 64 * 96, std::numeric_limits<float>::quiet_NaN());
      LetterboxHost({photo.data(), width, height}, letterbox, input.data());
      for (const float value : input) EXPECT_LE(std::abs(value), 1) << width << " x " << height;
    }
  }
}

TEST(Letterbox, NeverLeavesTheInput) {
  for (int width = 1; width <= kMaxSide; width = width * 2 + 1) {
    for (int height = 1; height <= kMaxSide; height = height * 2 + 1) {
      const Letterbox fit = FitPhoto(width, height, 640, 320);
      EXPECT_TRUE(fit.resized_width >= 1 && fit.resized_width <= 640) << width << " x " << height;
      EXPECT_TRUE(fit.resized_height >= 1 && fit.resized_height <= 320) << width << " x " << height;
      EXPECT_TRUE(fit.resized_width == 640 || fit.resized_height == 320) << width << " x " << height;
      EXPECT_GT(fit.scale, 0);
    }
  }
}

TEST(Warp, ReadsNoPixelOutsideOfThePhoto) {
  std::mt19937 random(12);
  std::uniform_real_distribution<double> linear(-3, 3), shift(-60, 60);
  for (const int side : kSides) {
    const std::vector<uint8_t> photo = Bytes(3 * static_cast<size_t>(side) * side);
    for (int i = 0; i < 200; ++i) {
      const Affine affine{linear(random), linear(random), shift(random), linear(random), linear(random), shift(random)};
      std::vector<uint8_t> crop(3 * 33 * 33);
      WarpAffineHost({photo.data(), side, side}, affine, 33, crop.data());
    }
  }
}

TEST(Warp, IsBlackWhereThePhotoIsFarAway) {
  const uint8_t photo[3] = {255, 255, 255};
  for (const double far : {1e5, 1e9, 1e30, 1e100}) {
    for (const double sign : {-1.0, 1.0}) {
      std::vector<uint8_t> crop(3 * 4 * 4, 1);
      WarpAffineHost({photo, 1, 1}, {1, 0, sign * far, 0, 1, -sign * far}, 4, crop.data());
      EXPECT_EQ(crop, std::vector<uint8_t>(3 * 4 * 4, 0)) << far;
    }
  }
}

TEST(Quantise, RoundTripsEveryLevelOnEverySize) {
  for (const int width : {0, 1, 31, 33, 257, 1025}) {
    const size_t pixels = 3 * static_cast<size_t>(width);
    std::vector<float> image(3 * pixels);
    for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 256) / 127.5f - 1;
    std::vector<uint8_t> rgb(image.size());
    QuantiseHost(image.data(), 3, width, rgb.data());
    for (size_t i = 0; i < rgb.size(); ++i) {
      EXPECT_EQ(rgb[i], (i % 3 * pixels + i / 3) % 256) << "value " << i << " of width " << width;
    }
  }
}

TEST(Image, RefusesSizesThatAreNone) {
  const uint8_t pixel[3] = {};
  uint8_t bytes[3];
  float floats[3];
  const Affine identity{1, 0, 0, 0, 1, 0};
  for (const int bad : {0, -1, std::numeric_limits<int>::min(), kMaxSide + 1, std::numeric_limits<int>::max()}) {
    ExpectInvalid([&] { FitPhoto(bad, 1, 1, 1); });
    ExpectInvalid([&] { FitPhoto(1, 1, 1, bad); });
    ExpectInvalid([&] { ResizeHost({pixel, bad, 1}, 1, 1, bytes); });
    ExpectInvalid([&] { ResizeHost({pixel, 1, 1}, 1, bad, bytes); });
    ExpectInvalid([&] { LetterboxHost({pixel, 1, bad}, {1, 1, 1, 1, 1}, floats); });
    ExpectInvalid([&] { LetterboxHost({pixel, 1, 1}, {bad, 1, 1, 1, 1}, floats); });
    ExpectInvalid([&] { LetterboxHost({pixel, 1, 1}, {1, 1, 1, bad, 1}, floats); });
    ExpectInvalid([&] { WarpAffineHost({pixel, bad, bad}, identity, 1, bytes); });
    ExpectInvalid([&] { WarpAffineHost({pixel, 1, 1}, identity, bad, bytes); });
    ExpectInvalid([&] { AlignFaceHost({pixel, 1, 1}, identity, bad, floats); });
  }
  ExpectInvalid([&] { QuantiseHost(floats, -1, 1, bytes); });
}

}  // namespace
}  // namespace arc2face
