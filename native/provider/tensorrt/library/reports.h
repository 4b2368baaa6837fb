// Messages of NVIDIA's objects: a logger, one per library in the process, and an error recorder for each builder,
// engine and context, so that concurrent ones don't mix their errors. Some errors are only logged.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nvidia.h"
#include "status.h"

namespace arc2face::engines {

// Keeps the errors of one call: what was recorded, and what was logged meanwhile. Outlives what reports to it.
class ErrorRecorder final : public nvinfer1::IErrorRecorder {
 public:
  // Throws what was recorded and then what was only logged or, if nothing was, that the runtime gives no reason. `what`
  // begins the sentence: "Could not build the network unet". `first`: what the object that failed says itself; the log
  // then says the same in more words. Out of memory has its own code; everything else is `status`.
  [[noreturn]] void Throw(Arc2FaceStatus status, const std::string& what, const std::string& first = "") const {
    const std::lock_guard lock(mutex_);
    // What is logged may be about an attempt, such as a tactic that needs too much memory, and not about the failure.
    if (recorded_.empty() ? logged_.out_of_memory : recorded_.out_of_memory) status = ARC2FACE_OUT_OF_MEMORY;
    std::string text = first;
    const auto add = [&](const std::string& one) { text += (text.empty() ? "" : "; ") + one; };
    for (const std::string& one : recorded_.all) add(one);
    if (first.empty()) {
      for (const std::string& one : logged_.all) {
        if (!recorded_.Tells(one)) add(one);
      }
    }
    throw Failure(status, what + ": " + (text.empty() ? "the runtime does not say why." : text));
  }
  // Whether there is anything to throw.
  bool told() const noexcept {
    const std::lock_guard lock(mutex_);
    return !recorded_.empty() || !logged_.empty();
  }
  void Log(const char* text) noexcept {
    const std::lock_guard lock(mutex_);
    logged_.Add(text);
  }
  void Clear() noexcept {
    const std::lock_guard lock(mutex_);
    recorded_ = {};
    logged_ = {};
    last_.clear();
    count_ = 0;
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
    ++count_;
    recorded_.Add(text);
    if (code == nvinfer1::ErrorCode::kFAILED_ALLOCATION) recorded_.out_of_memory = true;
    try {
      last_ = text;
    } catch (const std::bad_alloc&) {
      recorded_.out_of_memory = true;
    }
    return true;
  }
  RefCount incRefCount() noexcept override { return 1; }
  RefCount decRefCount() noexcept override { return 1; }

 private:
  struct Texts {
    static constexpr size_t kMost = 1500;  // of a message's 2047 bytes

    std::vector<std::string> all;
    size_t bytes = 0;
    bool out_of_memory = false;

    bool empty() const noexcept { return all.empty(); }
    // A log wraps what is recorded into places and codes, or the other way round.
    bool Tells(std::string_view other) const noexcept {
      return std::ranges::any_of(
          all, [&](const std::string& one) { return one.find(other) != one.npos || other.find(one) != other.npos; });
    }
    void Add(std::string_view one) noexcept {
      // Failures of CUDA's allocator come with other codes, and these words.
      out_of_memory = out_of_memory || one.find("out of memory") != one.npos || one.find("OutOfMemory") != one.npos;
      // The first errors name the cause; the rest shows its way through the runtime's layers.
      if (bytes >= kMost || one.empty() || Tells(one)) return;
      try {
        all.emplace_back(one);
        bytes += one.size();
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    }
  };

  mutable std::mutex mutex_;
  Texts recorded_;
  Texts logged_;
  std::string last_;
  int32_t count_ = 0;
};

class Logger final : public nvinfer1::ILogger {
 public:
  Logger(Arc2FaceLog log, void* user) : log_(log), user_(user) {}

  // A call: the recorder begins anew, and gets the errors that are logged on this thread as long as this lives.
  class Listening {
   public:
    explicit Listening(ErrorRecorder& recorder) : before_(std::exchange(listener_, &recorder)) { recorder.Clear(); }
    ~Listening() { listener_ = before_; }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

   private:
    ErrorRecorder* const before_;
  };
  // The same for a build, whose builder has threads: also gets the errors of threads that nobody listens to.
  class ListeningToThreads {
   public:
    ListeningToThreads(Logger& logger, ErrorRecorder& recorder)
        : logger_(logger), here_(recorder), recorder_(recorder) {
      const std::lock_guard lock(logger_.mutex_);
      logger_.builds_.push_back(&recorder_);
    }
    ~ListeningToThreads() {
      const std::lock_guard lock(logger_.mutex_);
      std::erase(logger_.builds_, &recorder_);
    }
    ListeningToThreads(const ListeningToThreads&) = delete;
    ListeningToThreads& operator=(const ListeningToThreads&) = delete;

   private:
    Logger& logger_;
    const Listening here_;
    ErrorRecorder& recorder_;
  };

  void log(Severity severity, nvinfer1::AsciiChar const* text) noexcept override {
    const bool error = severity == Severity::kERROR || severity == Severity::kINTERNAL_ERROR;
    if (error) Tell(text);
    if (log_ == nullptr) return;
    log_(user_,
         error                            ? ARC2FACE_LOG_ERROR
         : severity == Severity::kWARNING ? ARC2FACE_LOG_WARNING
         : severity == Severity::kINFO    ? ARC2FACE_LOG_INFO
                                          : ARC2FACE_LOG_VERBOSE,
         text);
  }

 private:
  void Tell(const char* text) noexcept {
    if (listener_ != nullptr) return listener_->Log(text);
    const std::lock_guard lock(mutex_);
    for (ErrorRecorder* const build : builds_) build->Log(text);
  }

  inline static thread_local ErrorRecorder* listener_ = nullptr;
  const Arc2FaceLog log_;
  void* const user_;
  std::mutex mutex_;
  std::vector<ErrorRecorder*> builds_;  // under way
};

}  // namespace arc2face::engines
