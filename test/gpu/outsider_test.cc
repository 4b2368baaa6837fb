// Captured graphs while other code in the process uses the same GPU. Its calls that affect the whole GPU end
// a capture under way; results must stay right. Only a real CUDA runtime does that.
#include <cuda_runtime_api.h>

#include <atomic>
#include <thread>

#include "captured_step.h"
#include "stand_in_bundle.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

using GpuOutsider = GpuTest;

// A thread that repeatedly waits for the whole GPU, allocates and frees, as long as this lives.
class Outsider {
 public:
  Outsider() : thread_([this] { Work(); }) {
    while (rounds_ == 0) std::this_thread::yield();
  }
  ~Outsider() {
    stop_ = true;
    thread_.join();
  }

  int rounds() const { return rounds_; }

 private:
  void Work() {
    for (; !stop_; ++rounds_) {
      // Each is refused during a capture, which is no failure.
      cudaDeviceSynchronize();
      void* memory = nullptr;
      if (cudaMalloc(&memory, size_t{1} << 20) == cudaSuccess) cudaFree(memory);
      cudaGetLastError();
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> rounds_ = 0;
  std::thread thread_;
};

TEST_F(GpuOutsider, StepsStayRightWhileOtherThreadsUseTheWholeGpu) {
  const Outsider outsider;
  const int before = outsider.rounds();
  for (uint32_t seed = 0; seed < 100; ++seed) {
    ASSERT_TRUE(ReplaysWhatIsQueued(*gpu, *stream, seed, 6)) << "seed " << seed;
  }
  EXPECT_GT(outsider.rounds(), before) << "the other thread did nothing meanwhile";
}

TEST_F(GpuOutsider, PortraitsStayRightWhileOtherThreadsUseTheWholeGpu) {
  const Bundle bundle;
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  const auto paint = [&] {
    const auto pipeline = LoadPipeline(*gpu, bundle, library);
    std::vector<std::vector<std::vector<uint8_t>>> all;
    // Batches of two and of four rows, captured again for each pipeline.
    for (const uint32_t images : {1, 2}) all.push_back(Generate(*pipeline, images, images));
    DisposeAndWait(*gpu, *pipeline);
    return all;
  };
  const auto expected = paint();
  const Outsider outsider;
  for (int round = 0; round < 20; ++round) ASSERT_EQ(paint(), expected) << "round " << round;
}

}  // namespace
}  // namespace arc2face::testing
