// Resizing and letterboxing photos.
#include <algorithm>
#include <cstring>
#include <vector>

#include "../../vectorised.h"
#include "../kernels.h"
#include "blend.h"
#include "image.h"
#include "image_cuda.h"
#include "normalise.h"

namespace arc2face {
namespace {

std::vector<Tap> Taps(const ResizedSide& side, int to) {
  std::vector<Tap> taps(to);
  for (int i = 0; i < to; ++i) taps[i] = TapAt(side, i);
  return taps;
}

// A row of the photo at the output's width.
void BlendRowColumns(const uint8_t* row, const std::vector<Tap>& columns, int16_t* blended) {
  for (const Tap& tap : columns) {
    const uint8_t* first = row + 3 * static_cast<size_t>(tap.first);
    const uint8_t* second = row + 3 * static_cast<size_t>(tap.second);
    for (int c = 0; c < 3; ++c) *blended++ = BlendColumns(first[c], second[c], tap);
  }
}

ARC2FACE_VECTORISED
void BlendWholeRows(const int16_t* first, const int16_t* second, int first_weight, int second_weight, size_t count,
                    uint8_t* blended) {
  for (size_t i = 0; i < count; ++i) blended[i] = BlendRows(first[i], second[i], first_weight, second_weight);
}

ARC2FACE_VECTORISED
void NormaliseDetectorRow(const uint8_t* rgb, int width, float* planes, size_t plane) {
  NormaliseRow(rgb, width, kDetectorDivisor, planes, plane);
}

// Calls use(y, row) with every row of the resized photo, top first; the next row overwrites its bytes.
template <typename UseRow>
void ResizeRows(PhotoView photo, int width, int height, UseRow use) {
  const std::vector<Tap> columns = Taps(ResizedColumns(photo.width, width), width);
  const std::vector<Tap> rows = Taps(ResizedRows(photo.height, height), height);
  const size_t row_bytes = 3 * static_cast<size_t>(width);
  const size_t photo_row_bytes = 3 * static_cast<size_t>(photo.width);

  // The photo's two rows to blend; neighbouring output rows mostly share one or both.
  std::vector<int16_t> first(row_bytes), second(row_bytes);
  int first_is = -1, second_is = -1;
  const auto blend_columns = [&](int y, std::vector<int16_t>& blended) {
    BlendRowColumns(photo.data + static_cast<size_t>(y) * photo_row_bytes, columns, blended.data());
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
    BlendWholeRows(first.data(), second.data(), tap.first_weight, tap.second_weight, row_bytes, row.data());
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
  CheckLetterbox(photo, letterbox);
  const auto [input_width, input_height, resized_width, resized_height, scale] = letterbox;
  const size_t stride = static_cast<size_t>(input_width);
  const size_t plane = stride * static_cast<size_t>(input_height);
  std::fill_n(input, 3 * plane, Normalise(0, kDetectorDivisor));
  ResizeRows(photo, resized_width, resized_height, [&](int y, const uint8_t* row) {
    NormaliseDetectorRow(row, resized_width, input + static_cast<size_t>(y) * stride, plane);
  });
}

void LetterboxPhoto(Stream& stream, PhotoView photo, const Letterbox& letterbox, float* input) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) return LetterboxCuda(photo, letterbox, input, cuda);
  }
  LetterboxHost(photo, letterbox, input);
}

}  // namespace arc2face
