// Fourier transforms of planes whose sides are powers of two.
#pragma once

#include <cstddef>
#include <vector>

namespace arc2face::watermark {

// Real and imaginary parts, [height, width].
struct Spectrum {
  size_t width, height;
  std::vector<float> real, imaginary;
};

// In place, without a factor; `inverse` has the opposite sign in the exponent.
void TransformColumns(Spectrum& plane, bool inverse);
// Both sides, and the result is transposed.
void Transform(Spectrum& plane, bool inverse);

}  // namespace arc2face::watermark
