// Letterboxing and aligning photos: sizes, matrices and definitions.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "../../error.h"
#include "image.h"

namespace arc2face {

void CheckSize(const char* what, int width, int height) {
  if (width >= 1 && width <= kMaxSide && height >= 1 && height <= kMaxSide) return;
  throw Error(ErrorCode::kInvalidArgument, "Expected sides from 1 to " + std::to_string(kMaxSide) + " pixels for " +
                                               what + " but received " + std::to_string(width) + " x " +
                                               std::to_string(height) + ".");
}

void CheckLetterbox(PhotoView photo, const Letterbox& letterbox) {
  const auto [input_width, input_height, resized_width, resized_height, scale] = letterbox;
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the detector's input", input_width, input_height);
  CheckSize("the resized photo", resized_width, resized_height);
  if (resized_width > input_width || resized_height > input_height) {
    throw Error(ErrorCode::kInvalidArgument,
                "Expected at most " + std::to_string(input_width) + " x " + std::to_string(input_height) +
                    " pixels for the resized photo but received " + std::to_string(resized_width) + " x " +
                    std::to_string(resized_height) + ".");
  }
}

Letterbox FitPhoto(int photo_width, int photo_height, int input_width, int input_height) {
  CheckSize("the photo", photo_width, photo_height);
  CheckSize("the detector's input", input_width, input_height);
  // insightface's expressions in Python's double precision, truncation included: others can be a pixel off.
  const double photo_ratio = static_cast<double>(photo_height) / photo_width;
  const double input_ratio = static_cast<double>(input_height) / input_width;
  const bool tall = photo_ratio > input_ratio;
  const int width = tall ? static_cast<int>(input_height / photo_ratio) : input_width;
  const int height = tall ? input_height : static_cast<int>(input_width * photo_ratio);
  // insightface fails on a photo so thin that nothing remains; one row or column is enough to find no face.
  const int resized_width = std::clamp(width, 1, input_width);
  const int resized_height = std::clamp(height, 1, input_height);
  const float scale = static_cast<float>(static_cast<double>(resized_height) / photo_height);
  return {input_width, input_height, resized_width, resized_height, scale};
}

// In OpenCV's order of operations, so that every coefficient has the same bits.
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

size_t CheckedPixels(int height, int width) {
  if (height < 0 || width < 0) {
    throw Error(ErrorCode::kInvalidArgument, "Expected no negative size for the image but received " +
                                                 std::to_string(width) + " x " + std::to_string(height) + ".");
  }
  return static_cast<size_t>(height) * static_cast<size_t>(width);
}

}  // namespace arc2face
