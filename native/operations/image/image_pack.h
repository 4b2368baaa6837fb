// One GPU thread's part of the operations on photos and images: kWidth neighbouring pixels of a row. It runs
// on the host too, so that a test without a GPU can compare it with the definitions.
#pragma once

#include "../../pack.h"
#include "blend.h"
#include "image.h"
#include "level.h"
#include "normalise.h"
#include "sample.h"

namespace arc2face {

// kWidth pixels of three planes, `plane` floats apart.
template <int kWidth>
ARC2FACE_HD inline void StorePlanes(const Pack<float, kWidth> (&planes)[3], size_t plane, float* to) {
  for (int c = 0; c < 3; ++c) StorePack(to + c * plane, planes[c]);
}

// LetterboxHost for pixels of the input from column `x` of row `y` on.
template <int kWidth>
ARC2FACE_HD inline void LetterboxPack(const PhotoView& photo, const Letterbox& letterbox, const ResizedSide& columns,
                                      const ResizedSide& rows, int x, int y, float* input) {
  const Tap row = TapAt(rows, y);
  const size_t photo_row_bytes = 3 * static_cast<size_t>(photo.width);
  const uint8_t* upper = photo.data + static_cast<size_t>(row.first) * photo_row_bytes;
  const uint8_t* lower = photo.data + static_cast<size_t>(row.second) * photo_row_bytes;
  Pack<float, kWidth> planes[3];
  for (int i = 0; i < kWidth; ++i) {
    uint8_t rgb[3] = {};
    if (y < letterbox.resized_height && x + i < letterbox.resized_width) {
      const Tap column = TapAt(columns, x + i);
      const size_t left = 3 * static_cast<size_t>(column.first), right = 3 * static_cast<size_t>(column.second);
      for (int c = 0; c < 3; ++c) {
        rgb[c] =
            BlendRows(BlendColumns(upper[left + c], upper[right + c], column),
                      BlendColumns(lower[left + c], lower[right + c], column), row.first_weight, row.second_weight);
      }
    }
    for (int c = 0; c < 3; ++c) planes[c].values[i] = Normalise(rgb[c], kDetectorDivisor);
  }
  const size_t stride = static_cast<size_t>(letterbox.input_width);
  StorePlanes(planes, stride * static_cast<size_t>(letterbox.input_height),
              input + static_cast<size_t>(y) * stride + x);
}

// AlignFaceHost for pixels of the crop from column `x` of row `y` on.
template <int kWidth>
ARC2FACE_HD inline void AlignPack(const PhotoView& photo, const Affine& crop_to_photo, int size, int x, int y,
                                  float* input) {
  const PhotoPosition row = RowPart(crop_to_photo, y);
  Pack<float, kWidth> planes[3];
  for (int i = 0; i < kWidth; ++i) {
    uint8_t rgb[3];
    Sample(photo, Sum(row, ColumnPart(crop_to_photo, x + i)), rgb);
    for (int c = 0; c < 3; ++c) planes[c].values[i] = Normalise(rgb[c], kRecogniserDivisor);
  }
  const size_t stride = static_cast<size_t>(size);
  StorePlanes(planes, stride * stride, input + static_cast<size_t>(y) * stride + x);
}

// QuantiseHost for pixels from `at` on. kWidth pixels are three packs of bytes.
template <int kWidth, typename T>
ARC2FACE_HD inline void QuantisePack(const T* image, size_t pixels, size_t at, uint8_t* rgb) {
  Pack<uint8_t, kWidth> bytes[3];
  for (int c = 0; c < 3; ++c) {
    const auto levels = LoadPack<kWidth>(image + c * pixels + at);
    for (int i = 0; i < kWidth; ++i) {
      const int byte = 3 * i + c;
      bytes[byte / kWidth].values[byte % kWidth] = Level(ToFloat(levels.values[i]));
    }
  }
  for (int k = 0; k < 3; ++k) StorePack(rgb + 3 * at + k * kWidth, bytes[k]);
}

}  // namespace arc2face
