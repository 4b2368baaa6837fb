// Turns CUDA's status codes into our errors, and remembers which GPUs are lost.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace arc2face {

// Throws unless `status` is cudaSuccess: kOutOfMemory, kNoDevice when there is no driver or GPU, kDeviceLost when the
// calling thread's GPU can't be used any more in this process, else kEngineFailed.
// `what` completes "Could not … on the GPU".
void CheckCuda(cudaError_t status, const char* what);
void CheckCuda(cudaError_t status, const std::string& what);

// Makes the GPU of this number the calling thread's. Throws kDeviceLost if it was lost, without a call to CUDA.
void ChooseGpu(int index);

}  // namespace arc2face
