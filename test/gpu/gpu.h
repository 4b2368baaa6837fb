// The basis of GPU tests: the first GPU and its memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "device/cuda.h"

namespace arc2face::testing {

// Skips where there is no GPU, and says why.
class GpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const CudaSurvey survey = FindCudaGpus();
    if (survey.gpus.empty()) GTEST_SKIP() << survey.obstacle;
    gpu = &CudaDevice(0);
    stream = gpu->MakeStream();
  }

  Device* gpu = nullptr;
  std::unique_ptr<Stream> stream;
};

// Values in the GPU's memory between two rows of guards, which a kernel must not touch. `shift` elements off the
// alignment that the device gives.
template <typename T>
class OnGpu {
 public:
  OnGpu(Device& gpu, Stream& stream, const std::vector<T>& values, size_t shift = 0)
      : stream_(stream), buffer_(gpu, values.size() + shift + 2 * kGuards), shift_(shift) {
    std::vector<T> guarded(buffer_.size(), Guard());
    std::copy(values.begin(), values.end(), guarded.begin() + static_cast<ptrdiff_t>(kGuards + shift));
    stream.Upload(buffer_.data(), guarded.data(), buffer_.bytes());
    stream.Synchronize();
  }

  T* data() { return buffer_.data() + kGuards + shift_; }

  // Waits for the stream.
  std::vector<T> values() const {
    std::vector<T> guarded(buffer_.size());
    stream_.Download(guarded.data(), buffer_.data(), buffer_.bytes());
    stream_.Synchronize();
    const auto first = guarded.begin() + static_cast<ptrdiff_t>(kGuards + shift_);
    const auto last = guarded.end() - static_cast<ptrdiff_t>(kGuards);
    const auto is_guard = [](const T& value) {
      const T guard = Guard();
      return std::memcmp(&value, &guard, sizeof(T)) == 0;
    };
    EXPECT_TRUE(std::all_of(guarded.begin(), first, is_guard)) << "written before the first value";
    EXPECT_TRUE(std::all_of(last, guarded.end(), is_guard)) << "written after the last value";
    return {first, last};
  }

 private:
  static constexpr size_t kGuards = 256;  // at least that many bytes, so that they keep the alignment

  static T Guard() {
    T guard;
    std::memset(&guard, 0xa5, sizeof(T));
    return guard;
  }

  Stream& stream_;
  DeviceBuffer<T> buffer_;
  size_t shift_;
};

}  // namespace arc2face::testing
