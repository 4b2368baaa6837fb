// Errors and the names of their codes.
#include "error.h"

namespace arc2face {

const char* Name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kInvalidImage:
      return "INVALID_IMAGE";
    case ErrorCode::kInvalidBundle:
      return "INVALID_BUNDLE";
    case ErrorCode::kInvalidWeights:
      return "INVALID_WEIGHTS";
    case ErrorCode::kNoDevice:
      return "NO_DEVICE";
    case ErrorCode::kEngineFailed:
      return "ENGINE_FAILED";
    case ErrorCode::kDeviceLost:
      return "DEVICE_LOST";
    case ErrorCode::kOutOfMemory:
      return "OUT_OF_MEMORY";
    case ErrorCode::kDisposed:
      return "DISPOSED";
    case ErrorCode::kFileFailed:
      return "FILE_FAILED";
    case ErrorCode::kCancelled:
      return "CANCELLED";
    case ErrorCode::kInvalidEngine:
      return "INVALID_ENGINE";
  }
  return "ENGINE_FAILED";
}

}  // namespace arc2face
