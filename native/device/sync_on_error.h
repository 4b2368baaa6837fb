// What queued work reads and writes on the host must outlive it, also when an error ends a function early.
#pragma once

#include <exception>

#include "device.h"

namespace arc2face {

// Waits for the stream when an error ends its scope. To be declared after the host memory that it is for.
class SyncOnError {
 public:
  explicit SyncOnError(Stream& stream) : stream_(stream) {}
  ~SyncOnError() {
    if (std::uncaught_exceptions() == before_) return;
    try {
      stream_.Synchronize();
    } catch (const std::exception&) {
      // Work that has failed does nothing more, and the first error is the one to tell.
    }
  }
  SyncOnError(const SyncOnError&) = delete;
  SyncOnError& operator=(const SyncOnError&) = delete;

 private:
  Stream& stream_;
  const int before_ = std::uncaught_exceptions();
};

}  // namespace arc2face
