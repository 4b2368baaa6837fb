// Whitening for the watermark. Photos have about 1 / frequency² of power: less the mean of 9 × 9 pixels, what is left
// of them is nearly white where the watermark's waves are. Edges would outweigh all else: divided by the size of the
// detail around, each part of an image counts the same.
#include "whiten.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../../vectorised.h"

namespace arc2face::watermark {

namespace {

// Levels: what flat parts have of rounding and compression is not made larger than this.
constexpr float kLeastSize = 1.5f;

ARC2FACE_VECTORISED
void Luminance(const uint8_t* rgb, size_t pixels, float* luminance) {
  for (size_t i = 0; i < pixels; ++i) {
    luminance[i] = 0.299f * static_cast<float>(rgb[3 * i]) + 0.587f * static_cast<float>(rgb[3 * i + 1]) +
                   0.114f * static_cast<float>(rgb[3 * i + 2]);
  }
}

ARC2FACE_VECTORISED
void AddTo(float* sums, const float* row, size_t width) {
  for (size_t x = 0; x < width; ++x) sums[x] += row[x];
}

// Sums of `count` numbers that follow one another.
ARC2FACE_VECTORISED
void SumAlong(const float* row, size_t width, size_t count, float* sums) {
  std::fill_n(sums, width, 0.0f);
  for (size_t k = 0; k < count; ++k) {
    for (size_t x = 0; x < width; ++x) sums[x] += row[x + k];
  }
}

// Means over squares; beyond its edge, an image has the pixels of the edge.
std::vector<float> Means(const std::vector<float>& values, size_t width, size_t height, size_t radius) {
  std::vector<float> means(values.size()), padded(width + 2 * radius);
  const size_t count = 2 * radius + 1;
  const float share = 1.0f / static_cast<float>(count * count);
  for (size_t y = 0; y < height; ++y) {
    float* const column_sums = padded.data() + radius;
    std::fill_n(column_sums, width, 0.0f);
    for (size_t k = 0; k < count; ++k) {
      const size_t row = std::min(y + k < radius ? 0 : y + k - radius, height - 1);
      AddTo(column_sums, values.data() + row * width, width);
    }
    std::fill_n(padded.data(), radius, column_sums[0]);
    std::fill_n(column_sums + width, radius, column_sums[width - 1]);
    float* const out = means.data() + y * width;
    SumAlong(padded.data(), width, count, out);
    for (size_t x = 0; x < width; ++x) out[x] *= share;
  }
  return means;
}

ARC2FACE_VECTORISED
void Subtract(float* from, const float* other, size_t count) {
  for (size_t i = 0; i < count; ++i) from[i] -= other[i];
}

ARC2FACE_VECTORISED
void Square(const float* values, size_t count, float* squares) {
  for (size_t i = 0; i < count; ++i) squares[i] = values[i] * values[i];
}

ARC2FACE_VECTORISED
void OneBySize(float* squares, size_t count) {
  for (size_t i = 0; i < count; ++i) squares[i] = 1.0f / (std::sqrt(squares[i]) + kLeastSize);
}

}  // namespace

std::vector<float> DetailOf(const std::vector<float>& luminance, size_t width, size_t height, Grain grain) {
  std::vector<float> detail = Means(luminance, width, height, grain.fine);
  Subtract(detail.data(), Means(luminance, width, height, grain.mean).data(), detail.size());
  return detail;
}

Grain GrainAt(double scale) {
  if (scale < 0.85) return {.fine = 0, .mean = 2, .size = 4};
  return scale < std::numbers::sqrt2 ? kUnscaled : Grain{.fine = 2, .mean = 8, .size = 16};
}

Whitened Whiten(PhotoView image, Grain grain) {
  Whitened to{
      .width = static_cast<size_t>(image.width), .height = static_cast<size_t>(image.height), .detail = {}, .gain = {}};
  std::vector<float> luminance(to.width * to.height);
  Luminance(image.data, luminance.size(), luminance.data());
  to.detail = DetailOf(luminance, to.width, to.height, grain);
  std::vector<float>& squares = luminance;
  Square(to.detail.data(), squares.size(), squares.data());
  to.gain = Means(squares, to.width, to.height, grain.size);
  OneBySize(to.gain.data(), to.gain.size());
  return to;
}

}  // namespace arc2face::watermark
