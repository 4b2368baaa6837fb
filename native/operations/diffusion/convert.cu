// The kernel of convert.h.
#include <type_traits>

#include "../../device/cuda/check.h"
#include "../../device/cuda/grid.h"
#include "../../pack.h"
#include "convert_cuda.h"

namespace arc2face {
namespace {

template <int kWidth, typename From, typename To>
__global__ void ConvertKernel(const From* from, To* to, size_t count) {
  const size_t at = (blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x) * static_cast<size_t>(kWidth);
  if (at >= count) return;
  const auto numbers = LoadPack<kWidth>(from + at);
  Pack<To, kWidth> converted;
  for (int i = 0; i < kWidth; ++i) converted.values[i] = Converted<To>(numbers.values[i]);
  StorePack(to + at, converted);
}

template <typename From, typename To>
void Convert(const From* from, To* to, size_t count, cudaStream_t stream) {
  if (count == 0) return;  // a grid of 0 blocks is an error
  constexpr int kWidth = kPackWidth<Half>;
  if (count % kWidth == 0 && IsAligned(from, kWidth * sizeof(From)) && IsAligned(to, kWidth * sizeof(To))) {
    ConvertKernel<kWidth><<<Blocks(count / kWidth), kBlockThreads, 0, stream>>>(from, to, count);
  } else {
    ConvertKernel<1><<<Blocks(count), kBlockThreads, 0, stream>>>(from, to, count);
  }
  CheckCuda(cudaGetLastError(), "queue a conversion");
}

}  // namespace

void ConvertCuda(ConstNetworkFloats from, NetworkFloats to, size_t count, cudaStream_t stream) {
  std::visit([&](const auto* numbers, auto* converted) { Convert(numbers, converted, count, stream); }, from, to);
}

}  // namespace arc2face
