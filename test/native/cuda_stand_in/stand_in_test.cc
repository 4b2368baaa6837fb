// Devices and streams for CUDA over a runtime on the host. The GPU tests run over it too; here is what a real
// GPU does not do on request.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "device/cuda.h"
#include "error.h"
#include "operations/image/image.h"
#include "runtime.h"

namespace arc2face::testing {
namespace {

class CudaStandIn : public ::testing::Test {
 protected:
  void TearDown() override {
    Runtime().fail_at = -1;
    Runtime().gpus = 1;
    Runtime().driver_version = 13000;
    Runtime().capability = 90;
  }

  static std::string Refusal(int index) {
    try {
      CudaDevice(index);
      ADD_FAILURE() << "cuda:" << index << " is a device";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNoDevice) << error.what();
      return error.what();
    }
    return "";
  }
  static void ExpectMention(const std::string& text, const char* words) {
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
};

TEST_F(CudaStandIn, SaysWhyThereIsNoGpu) {
  Runtime().driver_version = 0;
  ExpectMention(FindCudaGpus().obstacle, "No NVIDIA driver");
  Runtime().driver_version = 12040;
  ExpectMention(FindCudaGpus().obstacle, "CUDA 12.4");
  ExpectMention(Refusal(3), "too old");
  Runtime().driver_version = 13000;
  Runtime().gpus = 0;
  ExpectMention(FindCudaGpus().obstacle, "found no GPU");
  Runtime().gpus = 2;
  Runtime().fail_at = Runtime().calls + 1;  // the first GPU's properties
  ExpectMention(FindCudaGpus().obstacle, "can't be used");
}

TEST_F(CudaStandIn, SaysWhichGpusThereAre) {
  ExpectMention(Refusal(1), "only GPU is cuda:0");
  Runtime().gpus = 4;
  ExpectMention(Refusal(4), "last GPU is cuda:3");
  Runtime().capability = 61;
  EXPECT_FALSE(FindCudaGpus().gpus[1].supported);
  ExpectMention(Refusal(1), "capability 6.1");
}

// Some work of each kind: memory, both ways of copying, a direct and a captured step, host memory.
// Host memory outlives the stream, which always finishes its work.
std::vector<uint8_t> WorkOnce(Device& gpu) {
  const std::vector<float> image(3 * 64, 0.5f);
  const HostBytes host = gpu.AllocateHost(image.size());
  const auto stream = gpu.MakeStream();
  DeviceBuffer<float> on_gpu(gpu, image.size());
  DeviceBuffer<uint8_t> rgb(gpu, image.size());
  stream->Zero(rgb.data(), rgb.bytes());
  stream->Upload(on_gpu.data(), image.data(), on_gpu.bytes());
  for (int i = 0; i < 3; ++i) stream->Replay(1, [&] { Quantise(*stream, on_gpu.data(), 8, 8, rgb.data()); });
  stream->Download(host.get(), rgb.data(), rgb.bytes());
  stream->Synchronize();
  return {host.get(), host.get() + image.size()};
}

TEST_F(CudaStandIn, AnyCallMayFailAndNothingIsLost) {
  Device& gpu = CudaDevice(0);
  const std::vector<uint8_t> expected = WorkOnce(gpu);
  gpu.Trim();
  const int objects = Runtime().objects;
  int failures = 0;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 500);
    const int first = Runtime().calls;
    Runtime().fail_at = first + n;
    try {
      EXPECT_EQ(WorkOnce(gpu), expected) << "call " << n;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kEngineFailed) << error.what();
      ++failures;
    }
    const bool done = Runtime().calls <= first + n;
    Runtime().fail_at = -1;
    EXPECT_EQ(WorkOnce(gpu), expected) << "after call " << n;
    gpu.Trim();
    EXPECT_EQ(Runtime().objects, objects) << "call " << n;
    if (done) break;
  }
  EXPECT_GT(failures, 20);
}

TEST_F(CudaStandIn, MemoryFreedBeforeItsWorkIsDoneIsNobodys) {
  Device& gpu = CudaDevice(0);
  const auto stream = gpu.MakeStream(), other = gpu.MakeStream();
  const std::vector<uint8_t> ones(1000, 1);
  std::vector<uint8_t> back(ones.size());
  const uint8_t* early_place;
  {
    DeviceBuffer<uint8_t> early(gpu, ones.size());
    early_place = early.data();
    stream->Zero(early.data(), early.bytes());  // the stand-in runs it when somebody waits
  }
  DeviceBuffer<uint8_t> late(gpu, ones.size());
  EXPECT_NE(late.data(), early_place);
  other->Upload(late.data(), ones.data(), late.bytes());
  other->Synchronize();
  stream->Synchronize();
  other->Download(back.data(), late.data(), late.bytes());
  other->Synchronize();
  EXPECT_EQ(back, ones);
  DeviceBuffer<uint8_t> later(gpu, ones.size());
  EXPECT_EQ(later.data(), early_place);  // now nothing uses it
}

// The GPU's memory after five replays, and how often their work was recorded or queued.
std::pair<std::vector<uint8_t>, int> ReplayFiveTimes(Device& gpu) {
  const auto stream = gpu.MakeStream();
  const std::vector<uint8_t> ones(100, 1);
  DeviceBuffer<uint8_t> from(gpu, ones.size()), to(gpu, ones.size());
  stream->Upload(from.data(), ones.data(), ones.size());
  int recorded = 0;
  for (int i = 0; i < 5; ++i) {
    stream->Zero(to.data(), to.bytes());
    stream->Replay(1, [&] {
      ++recorded;
      stream->Copy(to.data(), from.data(), to.bytes());
    });
  }
  std::vector<uint8_t> result(ones.size());
  stream->Download(result.data(), to.data(), to.bytes());
  stream->Synchronize();
  return {result, recorded};
}

TEST_F(CudaStandIn, QueuesDirectlyWhatAnotherThreadSpoiltAndCapturesLater) {
  Device& gpu = CudaDevice(0);
  const std::vector<uint8_t> ones(100, 1);
  // First directly, then for the graph.
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{ones, 2}));
  Runtime().spoilt_captures = 2;
  // Both captures fail, and the work is then queued.
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{ones, 2 + 2 * 2}));
  Runtime().spoilt_captures = 1000;
  // Every replay but the first fails to capture.
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{ones, 1 + 4 * 2}));
  Runtime().spoilt_captures = 0;
}

TEST_F(CudaStandIn, QueuesDirectlyWhileALibraryMayWaitForTheWholeGpu) {
  Device& gpu = CudaDevice(0);
  const std::shared_lock no_captures(gpu.captures());
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{std::vector<uint8_t>(100, 1), 5}));
}

TEST_F(CudaStandIn, RefusesToWaitInsideACapture) {
  Device& gpu = CudaDevice(0);
  const auto stream = gpu.MakeStream();
  const auto wait = [&] { stream->Synchronize(); };
  stream->Replay(1, wait);
  EXPECT_THROW(stream->Replay(1, wait), Error);
  int runs = 0;
  stream->Replay(1, [&] { ++runs; });  // the stream is not left capturing
  stream->Synchronize();
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace arc2face::testing
