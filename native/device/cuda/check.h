// Turns CUDA's status codes into our errors.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace arc2face {

// Throws unless `status` is cudaSuccess: kOutOfMemory, kNoDevice when there is no driver or GPU, else kEngineFailed.
// `what` completes "Could not … on the GPU".
void CheckCuda(cudaError_t status, const char* what);
void CheckCuda(cudaError_t status, const std::string& what);

}  // namespace arc2face
