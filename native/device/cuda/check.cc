// CUDA's status codes to errors.
#include "check.h"

#include "../../error.h"

namespace arc2face {
namespace {

ErrorCode CodeOf(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return ErrorCode::kOutOfMemory;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorStubLibrary:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorDevicesUnavailable:
      return ErrorCode::kNoDevice;
    default:
      return ErrorCode::kEngineFailed;
  }
}

[[noreturn]] void Fail(cudaError_t status, const std::string& what) {
  cudaGetLastError();  // or the next checked launch would report it again
  throw Error(
      CodeOf(status),
      "Could not " + what + " on the GPU: " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ").",
      {.device = "cuda"});
}

}  // namespace

void CheckCuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) Fail(status, what);
}

void CheckCuda(cudaError_t status, const std::string& what) {
  if (status != cudaSuccess) Fail(status, what);
}

}  // namespace arc2face
