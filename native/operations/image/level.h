// From a network's image to 8-bit levels.
#pragma once

#include <cstdint>
#include <cstring>

#include "../../host_device.h"

namespace arc2face {

// diffusers' float32 operations, one by one. Comparisons are written so that NaN fails the first.
ARC2FACE_HD inline uint8_t Level(float value) {
  float unit = value * 0.5f + 0.5f;
  unit = unit > 0 ? unit : 0;
  unit = unit < 1 ? unit : 1;
  // Adding 1.5 2^23 leaves no room for a fraction: the sum is rounded half to even, and its low bits are the integer.
  const float sum = unit * 255 + 0x1.8p23f;
  uint32_t bits;
  memcpy(&bits, &sum, sizeof(bits));
  return static_cast<uint8_t>(bits);
}

}  // namespace arc2face
