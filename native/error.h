// What every room of the core may throw. The leaf of the dependencies: includes nothing of ours.
#pragma once

#include <stdexcept>
#include <string>

namespace arc2face {

// The codes of lib/errors.ts (a test compares them), and two that lib answers itself: kCancelled, which the caller's
// own signal explains, and kInvalidEngine, after which it builds the engine again.
enum class ErrorCode {
  kInvalidArgument,
  kInvalidImage,
  kNoFace,
  kInvalidBundle,
  kInvalidWeights,
  kNoDevice,
  kEngineFailed,
  kOutOfMemory,
  kDisposed,
  kFileFailed,
  kCancelled,
  kInvalidEngine,
};

// "INVALID_ARGUMENT" and so on, as JavaScript sees it in `error.code`.
const char* Name(ErrorCode code) noexcept;

class Error : public std::runtime_error {
 public:
  // `message` says what was wrong and where, as a sentence; the remedy is added in lib/errors.ts.
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace arc2face
