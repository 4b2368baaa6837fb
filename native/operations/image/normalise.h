// RGB bytes to the face networks' inputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../../host_device.h"

namespace arc2face {

// (x - 127.5) / divisor: 128 for the detector, 127.5 for the recogniser.
ARC2FACE_HD inline float Normalise(uint8_t value, float divisor) {
  return (static_cast<float>(value) - 127.5f) / divisor;
}

// A row of `width` pixels to its places in three planes, `plane` floats apart.
inline void NormaliseRow(const uint8_t* rgb, int width, float divisor, float* planes, size_t plane) {
  for (int x = 0; x < width; ++x) {
    for (size_t c = 0; c < 3; ++c) planes[c * plane + x] = Normalise(rgb[3 * static_cast<size_t>(x) + c], divisor);
  }
}

}  // namespace arc2face
