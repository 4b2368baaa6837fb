#include <algorithm>
#include <cmath>
#include <vector>

#include "../error.h"
#include "image.h"
#include "normalise.h"

namespace arc2face {
namespace {

// In OpenCV's order of operations, so that every coefficient has its bits.
Affine Invert(const Affine& affine) {
  const auto [a, b, x, c, d, y] = affine.m;
  const double scale = 1 / (a * d - b * c);
  const double ia = d * scale, ib = -b * scale, ic = -c * scale, id = a * scale;
  const Affine inverse{ia, ib, -ia * x - ib * y, ic, id, -ic * x - id * y};
  if (!std::all_of(std::begin(inverse.m), std::end(inverse.m), [](double value) { return std::isfinite(value); })) {
    throw Error(ErrorCode::kInvalidArgument,
                "Expected an invertible matrix for the crop but received one that is not.");
  }
  return inverse;
}

// A position in 1/1024 pixel, rounded half to even. The bound lies far outside of every photo and keeps sums in range.
int64_t Fixed(double position) {
  constexpr double kBound = 0x1p40;
  return std::llrint(std::clamp(position * 1024, -kBound, kBound));
}

// Bilinear value of three channels at x + fx / 32, y + fy / 32. Pixels outside of the photo are black, each for itself.
void Sample(PhotoView photo, int64_t x, int64_t y, int fx, int fy, uint8_t* rgb) {
  static constexpr uint8_t kBlack[3] = {};
  const auto pixel = [&](int64_t px, int64_t py) {
    const bool inside = px >= 0 && px < photo.width && py >= 0 && py < photo.height;
    return inside ? photo.data + 3 * (static_cast<size_t>(py) * photo.width + static_cast<size_t>(px)) : kBlack;
  };
  const uint8_t* taps[4] = {pixel(x, y), pixel(x + 1, y), pixel(x, y + 1), pixel(x + 1, y + 1)};
  // Of 1024; OpenCV scales them to 32768 and adds a half, which after its shift by 15 bits is the same.
  const int weights[4] = {(32 - fx) * (32 - fy), fx * (32 - fy), (32 - fx) * fy, fx * fy};
  for (int c = 0; c < 3; ++c) {
    int sum = 512;
    for (int i = 0; i < 4; ++i) sum += taps[i][c] * weights[i];
    rgb[c] = static_cast<uint8_t>(sum >> 10);
  }
}

}  // namespace

void WarpAffineHost(PhotoView photo, const Affine& photo_to_crop, int size, uint8_t* crop) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the crop", size, size);
  const auto [a, b, x0, c, d, y0] = Invert(photo_to_crop).m;
  std::vector<int64_t> column_x(size), column_y(size);
  for (int i = 0; i < size; ++i) {
    column_x[i] = Fixed(a * i);
    column_y[i] = Fixed(c * i);
  }
  for (int j = 0; j < size; ++j) {
    // + 16: half of 1/32 pixel, to which the sums are rounded.
    const int64_t row_x = Fixed(b * j + x0) + 16;
    const int64_t row_y = Fixed(d * j + y0) + 16;
    for (int i = 0; i < size; ++i, crop += 3) {
      const int64_t x = (row_x + column_x[i]) >> 5;
      const int64_t y = (row_y + column_y[i]) >> 5;
      Sample(photo, x >> 5, y >> 5, static_cast<int>(x & 31), static_cast<int>(y & 31), crop);
    }
  }
}

void AlignFaceHost(PhotoView photo, const Affine& photo_to_crop, int size, float* input) {
  CheckSize("the crop", size, size);
  const size_t pixels = static_cast<size_t>(size) * static_cast<size_t>(size);
  std::vector<uint8_t> crop(3 * pixels);
  WarpAffineHost(photo, photo_to_crop, size, crop.data());
  for (int y = 0; y < size; ++y) {
    const size_t row = static_cast<size_t>(y) * static_cast<size_t>(size);
    NormaliseRow(crop.data() + 3 * row, size, kRecogniserDivisor, input + row, pixels);
  }
}

}  // namespace arc2face
