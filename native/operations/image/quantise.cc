// The definition of Quantise in image.h.
#include "../../vectorised.h"
#include "../kernels.h"
#include "image.h"
#include "image_cuda.h"
#include "level.h"

namespace arc2face {
namespace {

// A function for each precision, because a template can't have copies for several processors.
ARC2FACE_VECTORISED
void Interleave(const float* r, const float* g, const float* b, size_t pixels, uint8_t* rgb) {
  for (size_t i = 0; i < pixels; ++i) {
    rgb[3 * i] = Level(r[i]);
    rgb[3 * i + 1] = Level(g[i]);
    rgb[3 * i + 2] = Level(b[i]);
  }
}
void Interleave(const Half* r, const Half* g, const Half* b, size_t pixels, uint8_t* rgb) {
  for (size_t i = 0; i < pixels; ++i) {
    rgb[3 * i] = Level(ToFloat(r[i]));
    rgb[3 * i + 1] = Level(ToFloat(g[i]));
    rgb[3 * i + 2] = Level(ToFloat(b[i]));
  }
}

}  // namespace

void QuantiseHost(ConstNetworkFloats image, int height, int width, uint8_t* rgb) {
  const size_t pixels = CheckedPixels(height, width);
  std::visit([&](const auto* values) { Interleave(values, values + pixels, values + 2 * pixels, pixels, rgb); }, image);
}

void Quantise(Stream& stream, ConstNetworkFloats image, int height, int width, uint8_t* rgb) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) return QuantiseCuda(image, height, width, rgb, cuda);
  }
  QuantiseHost(image, height, width, rgb);
}

}  // namespace arc2face
