// Engines that compute on a GPU.
#include <cuda_runtime_api.h>

#include <string>

#include "device/cuda/grid.h"
#include "place.h"
#include "provider/tensorrt/library/status.h"

namespace arc2face::stand_in {
namespace {

__device__ int64_t ThreadIndex() { return blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; }

__global__ void SumKernel(Inputs inputs, int64_t elements, int64_t total, float* sums) {
  const int64_t i = ThreadIndex();
  if (i < total) sums[i] = Sum(inputs, i / elements, i % elements);
}

// A separate launch, as real networks have many: it shows if others write to the scratch memory in between.
__global__ void WriteKernel(const float* sums, int64_t total, Arc2FaceType type, void* output) {
  const int64_t i = ThreadIndex();
  if (i < total) Write(sums[i], type, output, i);
}

void CheckLaunch() {
  const cudaError_t status = cudaGetLastError();
  if (status == cudaSuccess) return;
  throw engines::Failure(status == cudaErrorMemoryAllocation ? ARC2FACE_OUT_OF_MEMORY : ARC2FACE_FAILED,
                         std::string("A kernel of the stand-in did not start: ") + cudaGetErrorString(status) + ".");
}

}  // namespace

int32_t ComputesInHostMemory() noexcept { return 0; }

void Evaluate(const Inputs& inputs, int64_t rows, int64_t elements, float* scratch, Arc2FaceType type, void* output,
              void* stream) {
  const int64_t total = rows * elements;
  if (total == 0) return;  // a grid of 0 blocks is an error
  const unsigned blocks = Blocks(static_cast<size_t>(total));
  const auto queue = static_cast<cudaStream_t>(stream);
  SumKernel<<<blocks, kBlockThreads, 0, queue>>>(inputs, elements, total, scratch);
  CheckLaunch();
  WriteKernel<<<blocks, kBlockThreads, 0, queue>>>(scratch, total, type, output);
  CheckLaunch();
}

}  // namespace arc2face::stand_in
