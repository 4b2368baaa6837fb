#include <algorithm>
#include <string>

#include "../error.h"
#include "image.h"

namespace arc2face {

void CheckSize(const char* what, int width, int height) {
  if (width >= 1 && width <= kMaxSide && height >= 1 && height <= kMaxSide) return;
  throw Error(ErrorCode::kInvalidArgument, "Expected sides from 1 to " + std::to_string(kMaxSide) + " pixels for " +
                                               what + " but received " + std::to_string(width) + " x " +
                                               std::to_string(height) + ".");
}

Letterbox FitPhoto(int photo_width, int photo_height, int input_width, int input_height) {
  CheckSize("the photo", photo_width, photo_height);
  CheckSize("the detector's input", input_width, input_height);
  // insightface's expressions in Python's double precision, truncation included: other ones can be a pixel off.
  const double photo_ratio = static_cast<double>(photo_height) / photo_width;
  const double input_ratio = static_cast<double>(input_height) / input_width;
  const bool tall = photo_ratio > input_ratio;
  const int width = tall ? static_cast<int>(input_height / photo_ratio) : input_width;
  const int height = tall ? input_height : static_cast<int>(input_width * photo_ratio);
  // insightface fails on a photo so thin that nothing is left of it; one row or column of it is enough to find no face.
  const int resized_width = std::clamp(width, 1, input_width);
  const int resized_height = std::clamp(height, 1, input_height);
  const float scale = static_cast<float>(static_cast<double>(resized_height) / photo_height);
  return {input_width, input_height, resized_width, resized_height, scale};
}

}  // namespace arc2face
