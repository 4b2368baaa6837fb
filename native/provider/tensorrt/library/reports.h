// Messages of NVIDIA's objects: a logger, one per library in the process, and an error recorder for
// each builder and engine, so that concurrent ones don't mix their errors.
#pragma once

#include <mutex>
#include <string>

#include "nvidia.h"
#include "status.h"

namespace arc2face::engines {

// Keeps the errors' texts since the last Clear. Outlives what reports to it.
class ErrorRecorder final : public nvinfer1::IErrorRecorder {
 public:
  // Throws what was reported or, if nothing was, that the runtime gives no reason. `what` begins the sentence:
  // "Could not build the network unet". Out of memory has its own code; everything else is `status`.
  [[noreturn]] void Throw(Arc2FaceStatus status, const std::string& what) const {
    const std::lock_guard lock(mutex_);
    if (out_of_memory_) status = ARC2FACE_OUT_OF_MEMORY;
    throw Failure(status, what + ": " + (texts_.empty() ? "the runtime does not say why." : texts_));
  }
  void Clear() noexcept {
    const std::lock_guard lock(mutex_);
    texts_.clear();
    last_.clear();
    count_ = 0;
    out_of_memory_ = false;
  }

  int32_t getNbErrors() const noexcept override {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  nvinfer1::ErrorCode getErrorCode(int32_t) const noexcept override { return nvinfer1::ErrorCode::kUNSPECIFIED_ERROR; }
  ErrorDesc getErrorDesc(int32_t) const noexcept override { return last_.c_str(); }
  bool hasOverflowed() const noexcept override { return false; }
  void clear() noexcept override { Clear(); }
  bool reportError(nvinfer1::ErrorCode code, ErrorDesc text) noexcept override {
    const std::lock_guard lock(mutex_);
    try {
      ++count_;
      last_ = text;
      // The first errors name the cause; the rest shows its way through the runtime's layers.
      if (texts_.size() < kMost) texts_ += (texts_.empty() ? "" : "; ") + last_;
      // Failures of CUDA's allocator come with other codes, and these words.
      const bool said =
          last_.find("out of memory") != std::string::npos || last_.find("OutOfMemory") != std::string::npos;
      if (said || code == nvinfer1::ErrorCode::kFAILED_ALLOCATION) out_of_memory_ = true;
    } catch (const std::bad_alloc&) {
      out_of_memory_ = true;
    }
    return true;
  }
  RefCount incRefCount() noexcept override { return 1; }
  RefCount decRefCount() noexcept override { return 1; }

 private:
  static constexpr size_t kMost = 1500;  // of a message's 2047 bytes
  mutable std::mutex mutex_;
  std::string texts_;
  std::string last_;
  int32_t count_ = 0;
  bool out_of_memory_ = false;
};

// The logger of a library. An object that can't be made has no error recorder: what is logged on the way may be heard.
class Logger final : public nvinfer1::ILogger {
 public:
  Logger(Arc2FaceLog log, void* user) : log_(log), user_(user) {}

  // Has errors that are logged on this thread recorded, as long as it lives.
  class Listening {
   public:
    explicit Listening(ErrorRecorder& recorder) { listener_ = &recorder; }
    ~Listening() { listener_ = nullptr; }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
  };

  void log(Severity severity, nvinfer1::AsciiChar const* text) noexcept override {
    const bool error = severity == Severity::kERROR || severity == Severity::kINTERNAL_ERROR;
    if (error && listener_ != nullptr) listener_->reportError(nvinfer1::ErrorCode::kUNSPECIFIED_ERROR, text);
    if (log_ == nullptr) return;
    log_(user_,
         error                           ? ARC2FACE_LOG_ERROR
         : severity == Severity::kWARNING ? ARC2FACE_LOG_WARNING
         : severity == Severity::kINFO    ? ARC2FACE_LOG_INFO
                                          : ARC2FACE_LOG_VERBOSE,
         text);
  }

 private:
  inline static thread_local ErrorRecorder* listener_ = nullptr;
  const Arc2FaceLog log_;
  void* const user_;
};

}  // namespace arc2face::engines
