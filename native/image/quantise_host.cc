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
void Interleave(const float* r, const float* g, const float* b, size_t pixels, uint8_t* rgb) {
  for (size_t i = 0; i < pixels; ++i) {
    rgb[3 * i] = Level(r[i]);
    rgb[3 * i + 1] = Level(g[i]);
    rgb[3 * i + 2] = Level(b[i]);
  }
}

}  // namespace

void QuantiseHost(const float* image, int height, int width, uint8_t* rgb) {
  if (height < 0 || width < 0) {
    throw Error(ErrorCode::kInvalidArgument, "Expected no negative size for the image but received " +
                                                 std::to_string(width) + " x " + std::to_string(height) + ".");
  }
  const size_t pixels = static_cast<size_t>(height) * static_cast<size_t>(width);
  Interleave(image, image + pixels, image + 2 * pixels, pixels, rgb);
}

}  // namespace arc2face
