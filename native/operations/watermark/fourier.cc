// Fourier transforms (Cooley, Tukey 1965), of sixteen columns at a time: these are vectors, and fit a processor's first
// cache.
#include "fourier.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "../../vectorised.h"

namespace arc2face::watermark {

namespace {

constexpr size_t kColumns = 16;

// Cosine and sine of the first half turn.
struct Turn {
  std::vector<float> cosines, sines;
};

Turn HalfTurn(size_t length, bool inverse) {
  Turn turn;
  for (size_t k = 0; k < length / 2; ++k) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(length);
    turn.cosines.push_back(static_cast<float>(std::cos(angle)));
    turn.sines.push_back(static_cast<float>(inverse ? std::sin(angle) : -std::sin(angle)));
  }
  return turn;
}

ARC2FACE_VECTORISED
void Butterflies(float* real, float* imaginary, size_t length, const float* cosines, const float* sines) {
  for (size_t half = 1; half < length; half *= 2) {
    const size_t step = length / (2 * half);
    for (size_t k = 0; k < half; ++k) {
      const float c = cosines[k * step], s = sines[k * step];
      for (size_t at = k; at < length; at += 2 * half) {
        float* const ar = real + at * kColumns;
        float* const ai = imaginary + at * kColumns;
        float* const br = real + (at + half) * kColumns;
        float* const bi = imaginary + (at + half) * kColumns;
        for (size_t x = 0; x < kColumns; ++x) {
          const float tr = br[x] * c - bi[x] * s, ti = br[x] * s + bi[x] * c;
          br[x] = ar[x] - tr;
          bi[x] = ai[x] - ti;
          ar[x] += tr;
          ai[x] += ti;
        }
      }
    }
  }
}

size_t Reversed(size_t index, size_t length) {
  size_t reversed = 0;
  for (size_t bit = 1; bit < length; bit *= 2) reversed = 2 * reversed + ((index & bit) != 0);
  return reversed;
}

std::vector<float> Transposed(const std::vector<float>& plane, size_t width, size_t height) {
  constexpr size_t kPiece = 16;
  std::vector<float> turned(plane.size());
  for (size_t top = 0; top < height; top += kPiece) {
    for (size_t left = 0; left < width; left += kPiece) {
      for (size_t x = left; x < std::min(left + kPiece, width); ++x) {
        for (size_t y = top; y < std::min(top + kPiece, height); ++y) turned[x * height + y] = plane[y * width + x];
      }
    }
  }
  return turned;
}

}  // namespace

void TransformColumns(Spectrum& plane, bool inverse) {
  const Turn turn = HalfTurn(plane.height, inverse);
  std::vector<float> real(plane.height * kColumns), imaginary(plane.height * kColumns);
  for (size_t left = 0; left < plane.width; left += kColumns) {
    const size_t columns = std::min(kColumns, plane.width - left);
    for (size_t y = 0; y < plane.height; ++y) {
      const size_t from = y * plane.width + left, to = Reversed(y, plane.height) * kColumns;
      std::copy_n(plane.real.data() + from, columns, real.data() + to);
      std::copy_n(plane.imaginary.data() + from, columns, imaginary.data() + to);
    }
    Butterflies(real.data(), imaginary.data(), plane.height, turn.cosines.data(), turn.sines.data());
    for (size_t y = 0; y < plane.height; ++y) {
      const size_t to = y * plane.width + left;
      std::copy_n(real.data() + y * kColumns, columns, plane.real.data() + to);
      std::copy_n(imaginary.data() + y * kColumns, columns, plane.imaginary.data() + to);
    }
  }
}

void Transform(Spectrum& plane, bool inverse) {
  TransformColumns(plane, inverse);
  plane.real = Transposed(plane.real, plane.width, plane.height);
  plane.imaginary = Transposed(plane.imaginary, plane.width, plane.height);
  std::swap(plane.width, plane.height);
  TransformColumns(plane, inverse);
}

}  // namespace arc2face::watermark
