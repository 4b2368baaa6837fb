// OpenCV's affine warp of bytes, one output pixel at a time.
#pragma once

#include <cmath>
#include <cstdint>

#include "../../host_device.h"
#include "image.h"

namespace arc2face {

// A position in 1/1024 pixel, rounded half to even. The bound is far outside every photo and keeps sums in range.
ARC2FACE_HD inline int64_t Fixed(double position) {
  constexpr double kBound = 0x1p40;
  const double scaled = position * 1024;
  return llrint(scaled < -kBound ? -kBound : kBound < scaled ? kBound : scaled);
}

// A position in the photo, each coordinate in 1/32 pixel.
struct PhotoPosition {
  int64_t x, y;
};

// The parts of a crop's position that depend on its row and on its column, in 1/1024 pixel.
ARC2FACE_HD inline PhotoPosition RowPart(const Affine& crop_to_photo, int row) {
  const double* m = crop_to_photo.m;
  return {Fixed(m[1] * row + m[2]), Fixed(m[4] * row + m[5])};
}
ARC2FACE_HD inline PhotoPosition ColumnPart(const Affine& crop_to_photo, int column) {
  return {Fixed(crop_to_photo.m[0] * column), Fixed(crop_to_photo.m[3] * column)};
}
ARC2FACE_HD inline PhotoPosition Sum(const PhotoPosition& row, const PhotoPosition& column) {
  // + 16: half of 1/32 pixel, which the sums are rounded to.
  return {(row.x + 16 + column.x) >> 5, (row.y + 16 + column.y) >> 5};
}

// Bilinear value of three channels. Each pixel outside the photo is black.
ARC2FACE_HD inline void Sample(const PhotoView& photo, const PhotoPosition& at, uint8_t* rgb) {
  const int64_t x = at.x >> 5, y = at.y >> 5;
  const int fx = static_cast<int>(at.x & 31), fy = static_cast<int>(at.y & 31);
  // In 1/1024; OpenCV scales them to 32768 and adds a half, which is the same after its shift by 15 bits.
  const int weights[4] = {(32 - fx) * (32 - fy), fx * (32 - fy), (32 - fx) * fy, fx * fy};
  int sums[3] = {512, 512, 512};
  for (int i = 0; i < 4; ++i) {
    const int64_t px = x + (i & 1), py = y + (i >> 1);
    if (px < 0 || px >= photo.width || py < 0 || py >= photo.height) continue;
    const uint8_t* tap = photo.data + 3 * (static_cast<size_t>(py) * photo.width + static_cast<size_t>(px));
    for (int c = 0; c < 3; ++c) sums[c] += tap[c] * weights[i];
  }
  for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(sums[c] >> 10);
}

}  // namespace arc2face
