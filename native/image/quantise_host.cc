#include <algorithm>
#include <bit>
#include <string>

#include "../error.h"
#include "../vectorised.h"
#include "image.h"

namespace arc2face {
namespace {

// diffusers' float32 operations, one by one. Comparisons are written so that NaN fails the first.
inline uint8_t Level(float value) {
  float unit = value * 0.5f + 0.5f;
  unit = unit > 0 ? unit : 0;
  unit = unit < 1 ? unit : 1;
  // Adding 1.5 2^23 leaves no room for a fraction: the sum is rounded half to even, and its low bits are the integer.
  return static_cast<uint8_t>(std::bit_cast<uint32_t>(unit * 255 + 0x1.8p23f));
}

ARC2FACE_VECTORISED
void Levels(const float* values, size_t count, uint8_t* levels) {
  for (size_t i = 0; i < count; ++i) levels[i] = Level(values[i]);
}

}  // namespace

void QuantiseHost(const float* image, int height, int width, uint8_t* rgb) {
  if (height < 0 || width < 0) {
    throw Error(ErrorCode::kInvalidArgument, "Expected no negative size for the image but received " +
                                                 std::to_string(width) + " x " + std::to_string(height) + ".");
  }
  const size_t pixels = static_cast<size_t>(height) * static_cast<size_t>(width);
  constexpr size_t kBlock = 1024;
  uint8_t planes[3][kBlock];
  for (size_t from = 0; from < pixels; from += kBlock) {
    const size_t count = std::min(kBlock, pixels - from);
    for (size_t c = 0; c < 3; ++c) Levels(image + c * pixels + from, count, planes[c]);
    for (size_t i = 0; i < count; ++i) {
      for (size_t c = 0; c < 3; ++c) rgb[3 * (from + i) + c] = planes[c][i];
    }
  }
}

}  // namespace arc2face
