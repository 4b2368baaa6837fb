#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "../error.h"
#include "../vectorised.h"
#include "image.h"
#include "normalise.h"

namespace arc2face {
namespace {

// What one output column or row is blended from: two columns or rows of the photo and their weights, in 1/2048.
struct Tap {
  int first, second;
  int first_weight, second_weight;
};

// OpenCV's taps along a side of `from` pixels, resized to `to`. `holds_ends`: beyond the outermost pixel's centre that
// pixel alone counts. OpenCV does so for columns; for rows it blends the outermost pixel with itself, which rounds
// differently.
std::vector<Tap> Taps(int from, int to, bool holds_ends) {
  const double scale = 1.0 / (static_cast<double>(to) / from);
  std::vector<Tap> taps(to);
  for (int i = 0; i < to; ++i) {
    const float position = static_cast<float>((i + 0.5) * scale - 0.5);
    const int first = static_cast<int>(std::floor(position));
    const bool held = holds_ends && (first < 0 || first >= from - 1);
    const float fraction = held ? 0.0f : position - static_cast<float>(first);
    taps[i] = {std::clamp(first, 0, from - 1), std::clamp(first + 1, 0, from - 1),
               static_cast<int>(std::lrint(2048 * (1 - fraction))), static_cast<int>(std::lrint(2048 * fraction))};
  }
  return taps;
}

// A row of the photo at the output's width, in 1/128 of a level: at most 255 * 2048 / 16, so it fits 16 bits.
void BlendColumns(const uint8_t* row, const std::vector<Tap>& columns, int16_t* blended) {
  for (const Tap& tap : columns) {
    const uint8_t* first = row + 3 * static_cast<size_t>(tap.first);
    const uint8_t* second = row + 3 * static_cast<size_t>(tap.second);
    for (int c = 0; c < 3; ++c) {
      *blended++ = static_cast<int16_t>((first[c] * tap.first_weight + second[c] * tap.second_weight) >> 4);
    }
  }
}

ARC2FACE_VECTORISED
void BlendRows(const int16_t* first, const int16_t* second, int first_weight, int second_weight, size_t count,
               uint8_t* blended) {
  for (size_t i = 0; i < count; ++i) {
    blended[i] =
        static_cast<uint8_t>((((first_weight * first[i]) >> 16) + ((second_weight * second[i]) >> 16) + 2) >> 2);
  }
}

ARC2FACE_VECTORISED
void NormaliseDetectorRow(const uint8_t* rgb, int width, float* planes, size_t plane) {
  NormaliseRow(rgb, width, kDetectorDivisor, planes, plane);
}

// Calls use(y, row) with every row of the resized photo, top first; the row's bytes are overwritten by the next one.
template <typename UseRow>
void ResizeRows(PhotoView photo, int width, int height, UseRow use) {
  const std::vector<Tap> columns = Taps(photo.width, width, true);
  const std::vector<Tap> rows = Taps(photo.height, height, false);
  const size_t row_bytes = 3 * static_cast<size_t>(width);
  const size_t photo_row_bytes = 3 * static_cast<size_t>(photo.width);

  // The two rows of the photo that are blended; neighbouring output rows mostly share one or both.
  std::vector<int16_t> first(row_bytes), second(row_bytes);
  int first_is = -1, second_is = -1;
  const auto blend_columns = [&](int y, std::vector<int16_t>& blended) {
    BlendColumns(photo.data + static_cast<size_t>(y) * photo_row_bytes, columns, blended.data());
    return y;
  };

  std::vector<uint8_t> row(row_bytes);
  for (int y = 0; y < height; ++y) {
    const Tap& tap = rows[y];
    if (tap.first == second_is) {
      std::swap(first, second);
      std::swap(first_is, second_is);
    }
    if (first_is != tap.first) first_is = blend_columns(tap.first, first);
    if (second_is != tap.second) second_is = blend_columns(tap.second, second);
    BlendRows(first.data(), second.data(), tap.first_weight, tap.second_weight, row_bytes, row.data());
    use(y, row.data());
  }
}

}  // namespace

void ResizeHost(PhotoView photo, int width, int height, uint8_t* resized) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the resized photo", width, height);
  const size_t row_bytes = 3 * static_cast<size_t>(width);
  ResizeRows(photo, width, height, [&](int y, const uint8_t* row) {
    std::memcpy(resized + static_cast<size_t>(y) * row_bytes, row, row_bytes);
  });
}

void LetterboxHost(PhotoView photo, const Letterbox& letterbox, float* input) {
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
  const size_t stride = static_cast<size_t>(input_width);
  const size_t plane = stride * static_cast<size_t>(input_height);
  std::fill_n(input, 3 * plane, Normalise(0, kDetectorDivisor));
  ResizeRows(photo, resized_width, resized_height, [&](int y, const uint8_t* row) {
    NormaliseDetectorRow(row, resized_width, input + static_cast<size_t>(y) * stride, plane);
  });
}

}  // namespace arc2face
