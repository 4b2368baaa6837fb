// CUDA's status codes to errors.
#include "check.h"

#include <map>
#include <mutex>

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
    // Those after which, says CUDA's documentation, the process "must be terminated and relaunched", and two that
    // take the context or the memory with them.
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
    case cudaErrorECCUncorrectable:
    case cudaErrorContextIsDestroyed:
#if CUDART_VERSION >= 13000
    case cudaErrorContained:
    case cudaErrorTensorMemoryLeak:
#endif
      return ErrorCode::kDeviceLost;
    default:
      return ErrorCode::kEngineFailed;
  }
}

std::string Describe(cudaError_t status) {
  return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
}

// Never destroyed: the executors' threads outlast static destruction.
struct LostGpus {
  std::mutex mutex;
  std::map<int, std::string> reasons;  // by number
};
LostGpus& Lost() {
  static auto& lost = *new LostGpus;
  return lost;
}

Error LostError(int index, const std::string& reason) {
  const std::string name = "cuda:" + std::to_string(index);
  return Error(ErrorCode::kDeviceLost, "The GPU " + name + " was lost: " + reason + ".", {.device = name});
}

[[noreturn]] void Fail(cudaError_t status, const std::string& what) {
  cudaGetLastError();  // or the next checked launch would report it again
  const ErrorCode code = CodeOf(status);
  int index = 0;
  if (code == ErrorCode::kDeviceLost && cudaGetDevice(&index) == cudaSuccess) {
    const std::lock_guard lock(Lost().mutex);
    throw LostError(index, Lost().reasons.try_emplace(index, Describe(status)).first->second);
  }
  throw Error(code, "Could not " + what + " on the GPU: " + Describe(status) + ".", {.device = "cuda"});
}

}  // namespace

void CheckCuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) Fail(status, what);
}

void CheckCuda(cudaError_t status, const std::string& what) {
  if (status != cudaSuccess) Fail(status, what);
}

void ChooseGpu(int index) {
  {
    const std::lock_guard lock(Lost().mutex);
    const auto found = Lost().reasons.find(index);
    if (found != Lost().reasons.end()) throw LostError(index, found->second);
  }
  CheckCuda(cudaSetDevice(index), "choose cuda:" + std::to_string(index));
}

}  // namespace arc2face
