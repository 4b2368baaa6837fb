// Memory, copies and captured graphs of a GPU.
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <thread>

#include "captured_step.h"
#include "device/cuda.h"
#include "error.h"

namespace arc2face::testing {
namespace {

using GpuDevice = GpuTest;
using GpuReplay = GpuTest;

TEST_F(GpuDevice, IsOneAndTheSame) {
  EXPECT_EQ(&CudaDevice(0), gpu);
  EXPECT_STREQ(gpu->name(), "cuda:0");
}

TEST_F(GpuDevice, AlignsEverySize) {
  for (const size_t bytes : {0u, 1u, 31u, 33u, 257u, 65537u}) {
    DeviceBuffer<uint8_t> buffer(*gpu, bytes);
    EXPECT_NE(buffer.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 256, 0u) << bytes;
  }
}

TEST_F(GpuDevice, NamesTheSizeThatItCannotAllocateAndGoesOn) {
  for (const size_t bytes : {size_t{1} << 50, std::numeric_limits<size_t>::max() - 1}) {
    try {
      gpu->Allocate(bytes);
      ADD_FAILURE() << "nothing thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      EXPECT_NE(std::string(error.what()).find(std::to_string(bytes)), std::string::npos) << error.what();
    }
    const OnGpu<float> numbers(*gpu, *stream, {1, 2, 3});
    EXPECT_EQ(numbers.values(), (std::vector<float>{1, 2, 3}));
  }
}

TEST_F(GpuDevice, CountsAsFreeWhatItKeepsUnused) {
  constexpr size_t kBytes = size_t{512} << 20;
  constexpr size_t kPieces = size_t{128} << 20;  // memory is taken and given back in pieces
  const std::optional<size_t> before = gpu->FreeBytes();
  if (!before) GTEST_SKIP() << "it shares its memory with the host";
  {
    const DeviceBuffer<uint8_t> used(*gpu, kBytes);
    EXPECT_LE(*gpu->FreeBytes(), *before - kBytes + kPieces);
  }
  EXPECT_GE(*gpu->FreeBytes(), *before - kPieces);
}

TEST_F(GpuDevice, CopiesAndClears) {
  OnGpu<float> from(*gpu, *stream, {1, 2, 3}), to(*gpu, *stream, {0, 0, 0});
  stream->Copy(to.data(), from.data(), 3 * sizeof(float));
  stream->Zero(to.data(), sizeof(float));
  stream->Copy(nullptr, nullptr, 0);
  stream->Upload(nullptr, nullptr, 0);
  stream->Download(nullptr, nullptr, 0);
  stream->Zero(nullptr, 0);
  EXPECT_EQ(to.values(), (std::vector<float>{0, 2, 3}));
}

TEST_F(GpuDevice, HostMemoryIsFilledAndMayBeFreedAnywhere) {
  const std::vector<uint8_t> bytes = RandomBytes(512 * 512 * 3, 1);
  OnGpu<uint8_t> from(*gpu, *stream, bytes);
  for (int i = 0; i < 3; ++i) {
    HostBytes to = gpu->AllocateHost(bytes.size());
    stream->Download(to.get(), from.data(), bytes.size());
    stream->Synchronize();
    EXPECT_EQ(std::memcmp(to.get(), bytes.data(), bytes.size()), 0);
    std::thread([freed = std::move(to)] {}).join();
  }
  gpu->Trim();
}

TEST_F(GpuReplay, EqualsDirectWorkInEveryStep) {
  constexpr uint32_t kSteps = 8;
  Step direct(*gpu, *stream, 70, kSteps), replayed(*gpu, *stream, 70, kSteps);
  int recorded = 0;
  for (uint32_t i = 0; i < kSteps; ++i) {
    direct.Queue();
    stream->Replay(7, [&] {
      ++recorded;
      replayed.Queue();
    });
    EXPECT_TRUE(SameBits(replayed.registers(), direct.registers())) << "step " << i;
    EXPECT_EQ(replayed.position(), i + 1);
  }
  EXPECT_EQ(recorded, 2);  // directly, then into the graph
}

TEST_F(GpuReplay, AForgottenKeyMayStandForOtherMemory) {
  for (const uint32_t seed : {80u, 90u}) EXPECT_TRUE(ReplaysWhatIsQueued(*gpu, *stream, seed, 4)) << "seed " << seed;
  stream->Forget(8);  // an unknown key
}

TEST_F(GpuReplay, SurvivesARecordingThatThrows) {
  // In the direct run; then in the capture, after which it runs directly: that tells whether the work is at fault.
  Step step(*gpu, *stream, 60, 8);
  const auto cancelled = [&] {
    step.Queue();
    throw Error(ErrorCode::kCancelled, "on purpose");
  };
  EXPECT_THROW(stream->Replay(7, cancelled), Error);
  stream->Replay(7, [&] { step.Queue(); });
  EXPECT_THROW(stream->Replay(7, cancelled), Error);
  EXPECT_EQ(step.position(), 3u);  // the captured work has not run
  for (int i = 0; i < 3; ++i) stream->Replay(7, [&] { step.Queue(); });
  EXPECT_EQ(step.position(), 6u);
}

TEST_F(GpuReplay, CapturesWhileOtherThreadsAllocateAndCapture) {
  std::vector<std::thread> threads;
  std::vector<std::optional<std::string>> failures(4);
  for (uint32_t t = 0; t < failures.size(); ++t) {
    threads.emplace_back([&, t] {
      try {
        const auto own = gpu->MakeStream();
        for (uint32_t round = 0; round < 20; ++round) {
          constexpr uint32_t kSteps = 4;
          Step direct(*gpu, *own, 100 * t + round, kSteps), replayed(*gpu, *own, 100 * t + round, kSteps);
          for (uint32_t i = 0; i < kSteps; ++i) {
            direct.Queue();
            own->Replay(7, [&] { replayed.Queue(); });
          }
          if (!SameBits(replayed.registers(), direct.registers())) failures[t] = "other numbers";
          own->Forget(7);
        }
      } catch (const Error& error) {
        failures[t] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) EXPECT_EQ(failure.value_or("none"), "none");
}

}  // namespace
}  // namespace arc2face::testing
