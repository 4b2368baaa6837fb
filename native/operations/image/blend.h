// OpenCV's linear resizing of bytes, one output value at a time.
#pragma once

#include <cmath>
#include <cstdint>

#include "../../host_device.h"

namespace arc2face {

// The source of one output column or row: two columns or rows of the photo and their weights, in 1/2048.
struct Tap {
  int first, second;
  int first_weight, second_weight;
};

// A side of the photo, resized. `holds_ends`: beyond the outermost pixel's centre only that pixel counts. OpenCV does
// so for columns; for rows it blends the outermost pixel with itself, which rounds differently.
struct ResizedSide {
  int from;      // pixels of the photo
  double scale;  // pixels of the photo per output pixel
  bool holds_ends;
};
inline ResizedSide ResizedColumns(int from, int to) { return {from, 1.0 / (static_cast<double>(to) / from), true}; }
inline ResizedSide ResizedRows(int from, int to) { return {from, 1.0 / (static_cast<double>(to) / from), false}; }

// OpenCV's tap of output column or row `i`.
ARC2FACE_HD inline Tap TapAt(const ResizedSide& side, int i) {
  const int last = side.from - 1;
  const float position = static_cast<float>((i + 0.5) * side.scale - 0.5);
  const int first = static_cast<int>(floorf(position));
  const bool held = side.holds_ends && (first < 0 || first >= last);
  const float fraction = held ? 0.0f : position - static_cast<float>(first);
  const auto inside = [last](int at) { return at < 0 ? 0 : at > last ? last : at; };
  return {inside(first), inside(first + 1), static_cast<int>(lrintf(2048 * (1 - fraction))),
          static_cast<int>(lrintf(2048 * fraction))};
}

// Two neighbours of a row, in 1/128 of a level: at most 255 * 2048 / 16, so it fits 16 bits.
ARC2FACE_HD inline int16_t BlendColumns(uint8_t first, uint8_t second, const Tap& column) {
  return static_cast<int16_t>((first * column.first_weight + second * column.second_weight) >> 4);
}

// Two such values of neighbouring rows, back to a level.
ARC2FACE_HD inline uint8_t BlendRows(int16_t first, int16_t second, int first_weight, int second_weight) {
  return static_cast<uint8_t>((((first_weight * first) >> 16) + ((second_weight * second) >> 16) + 2) >> 2);
}

}  // namespace arc2face
