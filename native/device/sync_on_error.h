// Host memory must outlive queued work that uses it, even if an error ends a function early.
#pragma once

#include <exception>

#include "device.h"

namespace arc2face {

// Waits for the stream when an error ends its scope. Declare it after the host memory that it protects.
class SyncOnError {
 public:
  explicit SyncOnError(Stream& stream) : stream_(stream) {}
  ~SyncOnError() {
    if (std::uncaught_exceptions() == before_) return;
    try {
      stream_.Synchronize();
    } catch (const std::exception&) {
      // Failed work does nothing more, and the first error is the one to report.
    }
  }
  SyncOnError(const SyncOnError&) = delete;
  SyncOnError& operator=(const SyncOnError&) = delete;

 private:
  Stream& stream_;
  const int before_ = std::uncaught_exceptions();
};

}  // namespace arc2face
