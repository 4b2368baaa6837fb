// Devices and streams for CUDA over a runtime on the host. The GPU tests run over it too; here is what a real
// GPU does not do on request.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <future>
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
    Runtime().lose_at = -1;
    Runtime().lost_gpu = -1;
    Runtime().has_memory_pools = true;
    Runtime().while_pinning = nullptr;
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
  Runtime().spoilt_captures = 1;
  // The second is captured in vain, and queued; so is the third, without a capture; the fourth captures.
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{ones, 1 + 2 + 1 + 1}));
  Runtime().spoilt_captures = 1000;
  // The second and the fourth are captured in vain.
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{ones, 5 + 2}));
  Runtime().spoilt_captures = 0;
}

TEST_F(CudaStandIn, CapturesAgainAfterAnyNumberOfSpoiltCaptures) {
  Device& gpu = CudaDevice(0);
  const auto stream = gpu.MakeStream();
  DeviceBuffer<uint8_t> memory(gpu, 1);
  int recorded = 0;
  const auto replay = [&] {
    stream->Replay(1, [&] {
      ++recorded;
      stream->Zero(memory.data(), 1);
    });
  };
  Runtime().spoilt_captures = 20;
  int replays = 0;
  for (; Runtime().spoilt_captures > 0 && replays < 100'000; ++replays) replay();
  EXPECT_EQ(Runtime().spoilt_captures, 0);
  EXPECT_EQ(recorded, replays + 20);
  for (int i = 0; i < 2'000; ++i) replay();
  const int before = recorded;
  for (int i = 0; i < 100; ++i) replay();
  EXPECT_EQ(recorded, before);  // the graph's
}

TEST_F(CudaStandIn, QueuesDirectlyWhatFailsOnlyInACapture) {
  Device& gpu = CudaDevice(0);
  const auto stream = gpu.MakeStream();
  std::vector<uint8_t> back(4, 1);
  DeviceBuffer<uint8_t> memory(gpu, back.size());
  int recorded = 0;
  for (int i = 0; i < 5; ++i) {
    stream->Replay(1, [&] {
      stream->Zero(memory.data(), memory.bytes());
      // As TensorRT's `enqueueV3` may fail without any error of CUDA's.
      if (++recorded == 2) throw Error(ErrorCode::kEngineFailed, "Not while capturing.");
    });
  }
  stream->Download(back.data(), memory.data(), memory.bytes());
  stream->Synchronize();
  EXPECT_EQ(back, std::vector<uint8_t>(4, 0));
  EXPECT_EQ(recorded, 1 + 2 + 1 + 1);  // the fourth is captured
}

TEST_F(CudaStandIn, QueuesDirectlyWhileALibraryMayWaitForTheWholeGpu) {
  Device& gpu = CudaDevice(0);
  const std::shared_lock no_captures(gpu.captures());
  EXPECT_EQ(ReplayFiveTimes(gpu), (std::pair{std::vector<uint8_t>(100, 1), 5}));
}

TEST_F(CudaStandIn, NeverCapturesWorkThatWaits) {
  Device& gpu = CudaDevice(0);
  const auto stream = gpu.MakeStream();
  int runs = 0;
  const auto wait = [&] {
    stream->Synchronize();
    ++runs;
  };
  for (int i = 0; i < 5; ++i) stream->Replay(1, wait);
  EXPECT_EQ(runs, 5);
}

TEST_F(CudaStandIn, LosesAGpuForTheRestOfTheProcessAndNoOther) {
  Runtime().gpus = 1000;  // so that other tests have one that is not lost
  const auto lost = [](const auto& work, int gpu) {
    try {
      work();
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDeviceLost) << error.what();
      EXPECT_EQ(error.details().device, "cuda:" + std::to_string(gpu));
      ExpectMention(error.what(), error.details().device.c_str());
      return true;
    }
  };
  Device& healthy = CudaDevice(0);
  const std::vector<uint8_t> expected = WorkOnce(healthy);
  healthy.Trim();
  int losses = 0;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 500);
    const int index = 1 + n;
    const int objects = Runtime().objects;
    Device& gpu = CudaDevice(index);
    const int first = Runtime().calls;
    Runtime().lose_at = first + n;
    const bool is_lost = lost([&] { EXPECT_EQ(WorkOnce(gpu), expected); }, index);
    const bool done = Runtime().calls <= first + n;
    Runtime().lose_at = -1;
    if (is_lost) {
      ++losses;
      EXPECT_TRUE(lost([&] { WorkOnce(gpu); }, index)) << "call " << n;
      EXPECT_TRUE(lost([&] { gpu.CheckAlive(); }, index)) << "call " << n;
      const int calls = Runtime().calls;
      EXPECT_TRUE(lost([&] { gpu.MakeCurrent(); }, index));
      EXPECT_EQ(Runtime().calls, calls) << "CUDA was called on a lost GPU";
    }
    gpu.Trim();
    Runtime().lost_gpu = -1;
    EXPECT_EQ(WorkOnce(healthy), expected) << "call " << n;
    healthy.Trim();
    EXPECT_EQ(Runtime().objects, objects + 1) << "call " << n;  // the device's stream, which stays
    if (done) break;
  }
  EXPECT_GT(losses, 20);
}

TEST_F(CudaStandIn, MakesDoWithoutMemoryPools) {
  const std::vector<uint8_t> expected = WorkOnce(CudaDevice(0));
  CudaDevice(0).Trim();
  Runtime().has_memory_pools = false;
  Runtime().gpus = 2000;
  Device& gpu = CudaDevice(1999);  // which no other test has opened with pools
  const int objects = Runtime().objects;
  EXPECT_EQ(WorkOnce(gpu), expected);
  gpu.Trim();
  try {
    const DeviceBuffer<uint8_t> too_large(gpu, size_t{1} << 50);
    ADD_FAILURE() << "There was memory.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  }
  EXPECT_EQ(Runtime().objects, objects);
}

TEST_F(CudaStandIn, FreesHostMemoryWithoutWaitingForAThreadThatLocksPages) {
  Device& gpu = CudaDevice(0);
  // Whether another thread could free `memory` while `work` locks or unlocks pages.
  const auto frees_during = [](HostBytes memory, const auto& work) {
    std::future<void> freed;
    bool in_time = false;
    Runtime().while_pinning = [&] {
      if (freed.valid()) return;
      freed = std::async(std::launch::async, [&] { memory.reset(); });
      in_time = freed.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
    };
    work();
    Runtime().while_pinning = nullptr;
    return in_time;
  };
  EXPECT_TRUE(frees_during(gpu.AllocateHost(1000), [&] { gpu.AllocateHost(2000); }));
  EXPECT_TRUE(frees_during(gpu.AllocateHost(1000), [&] { gpu.Trim(); }));
}

}  // namespace
}  // namespace arc2face::testing
