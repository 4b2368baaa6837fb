// The kernel of Quantise in image.h.
#include "../../device/cuda/check.h"
#include "../../device/cuda/grid.h"
#include "image_cuda.h"
#include "image_pack.h"

namespace arc2face {
namespace {

template <int kWidth, typename T>
__global__ void QuantiseKernel(const T* image, size_t pixels, uint8_t* rgb) {
  const size_t at = (blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x) * kWidth;
  if (at < pixels) QuantisePack<kWidth>(image, pixels, at, rgb);
}

template <typename T>
void Quantise(const T* image, size_t pixels, uint8_t* rgb, cudaStream_t stream) {
  // A pack of bytes holds 16 pixels of each plane: several packs of floats.
  constexpr int kWidth = kPackWidth<uint8_t>;
  if (pixels % kWidth == 0 && IsAligned(image, kWidth * sizeof(T)) && IsAligned(rgb, kWidth)) {
    QuantiseKernel<kWidth><<<Blocks(pixels / kWidth), kBlockThreads, 0, stream>>>(image, pixels, rgb);
  } else {
    QuantiseKernel<1><<<Blocks(pixels), kBlockThreads, 0, stream>>>(image, pixels, rgb);
  }
  CheckCuda(cudaGetLastError(), "queue the quantising of an image");
}

}  // namespace

void QuantiseCuda(ConstNetworkFloats image, int height, int width, uint8_t* rgb, cudaStream_t stream) {
  const size_t pixels = CheckedPixels(height, width);
  if (pixels == 0) return;  // a grid of no blocks is an error
  std::visit([&](const auto* values) { Quantise(values, pixels, rgb, stream); }, image);
}

}  // namespace arc2face
