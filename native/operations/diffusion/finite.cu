// The kernel of finite.h.
#include "../../device/cuda/check.h"
#include "../../device/cuda/grid.h"
#include "../../pack.h"
#include "finite_cuda.h"

namespace arc2face {
namespace {

template <int kWidth, typename T>
__global__ void FindNotFiniteKernel(const T* values, size_t count, uint32_t* found) {
  const size_t at = (blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x) * static_cast<size_t>(kWidth);
  if (at >= count) return;
  const auto numbers = LoadPack<kWidth>(values + at);
  bool finite = true;
  for (int i = 0; i < kWidth; ++i) finite &= IsFinite(numbers.values[i]);
  if (!finite) *found = 1;  // all writers write the same
}

template <typename T>
void FindNotFinite(const T* values, size_t count, uint32_t* found, cudaStream_t stream) {
  if (count == 0) return;  // a grid of 0 blocks is an error
  constexpr int kWidth = kPackWidth<T>;
  if (count % kWidth == 0 && IsAligned(values, kWidth * sizeof(T))) {
    FindNotFiniteKernel<kWidth><<<Blocks(count / kWidth), kBlockThreads, 0, stream>>>(values, count, found);
  } else {
    FindNotFiniteKernel<1><<<Blocks(count), kBlockThreads, 0, stream>>>(values, count, found);
  }
  CheckCuda(cudaGetLastError(), "queue a look at numbers");
}

}  // namespace

void FindNotFiniteCuda(ConstNetworkFloats values, size_t count, uint32_t* found, cudaStream_t stream) {
  std::visit([&](const auto* numbers) { FindNotFinite(numbers, count, found, stream); }, values);
}

}  // namespace arc2face
