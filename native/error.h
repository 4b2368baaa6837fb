// What every part of the core may throw. A leaf of the dependencies: includes nothing of ours.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace arc2face {

// The codes of lib/errors.ts for which native code has a use (a test compares them), and two that lib handles itself:
// kCancelled, which the caller's own signal explains, and kInvalidEngine, after which it builds the engine again.
enum class ErrorCode {
  kInvalidArgument,
  kInvalidImage,
  kInvalidBundle,
  kInvalidWeights,
  kNoDevice,
  kEngineFailed,
  kDeviceLost,
  kOutOfMemory,
  kDisposed,
  kFileFailed,
  kCancelled,
  kInvalidEngine,
};

// "INVALID_ARGUMENT" and so on, as JavaScript sees it in `error.code`.
const char* Name(ErrorCode code) noexcept;

// What an error knows besides its sentence, for programs and for choosing a remedy: `details` in lib/errors.ts,
// of which each code uses only some. Empty: unknown.
struct ErrorDetails {
  std::string option = {};
  std::string file = {};
  std::string network = {};  // NetworkSource::name
  std::string tensor = {};
  std::string device = {};  // Device::name()
  std::optional<size_t> bytes = {};
  std::optional<size_t> free_bytes = {};
  std::optional<size_t> batch_size = {};
};

class Error : public std::runtime_error {
 public:
  // `problem` says what was wrong and where, as a sentence; lib knows the remedy.
  Error(ErrorCode code, const std::string& problem, ErrorDetails details = {})
      : std::runtime_error(problem), code_(code), details_(std::make_shared<ErrorDetails>(std::move(details))) {}
  ErrorCode code() const noexcept { return code_; }
  const ErrorDetails& details() const noexcept { return *details_; }

 private:
  ErrorCode code_;
  std::shared_ptr<const ErrorDetails> details_;  // shared, because copying an exception must not throw
};

}  // namespace arc2face
