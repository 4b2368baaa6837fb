// The pipeline on a GPU: the stand-in's engines over the CUDA runtime on the host, where every call may fail, memory be
// short, and the work between two steps be counted.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "device/cuda.h"
#include "error.h"
#include "runtime.h"
#include "stand_in_bundle.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

using Pixels = std::vector<std::vector<uint8_t>>;

class CudaPipeline : public ::testing::Test {
 protected:
  void TearDown() override {
    Runtime().fail_at = -1;
    Runtime().memory = size_t{1} << 40;
  }
  std::shared_ptr<Pipeline> Load(const Bundle& bundle) {
    return LoadPipeline(gpu, bundle, tensorrt::EngineLibrary(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {}));
  }

  Device& gpu = CudaDevice(0);
};

// The calls of the runtime while each step but the first ones is made: a batch that stays as it is needs its launch, an
// event to wait for, and nothing else.
TEST_F(CudaPipeline, ASteadyBatchCostsALaunch) {
  const Bundle bundle(DataType::kFloat16);
  const auto pipeline = Load(bundle);
  Result<std::vector<Image>> result;
  GenerateRequest request = MakeRequest(1, 1, 12, 3);
  std::vector<int> calls;
  request.on_step = [&](uint32_t, uint32_t) { calls.push_back(Runtime().calls); };
  pipeline->Generate(std::move(request), result.Done());
  result.Take();
  ASSERT_EQ(calls.size(), 12u);
  // The first steps ready and capture, and the last one has none behind it.
  for (size_t i = 4; i + 1 < calls.size(); ++i) {
    // Choose the device and launch; choose it, make and record an event; wait for another.
    EXPECT_EQ(calls[i] - calls[i - 1], 6) << "step " << i + 1;
  }
  DisposeAndWait(gpu, *pipeline);
}

// Images of `seed`; nothing when that failed with a typed error, whose code is in `codes`.
std::optional<Pixels> TryGenerate(Pipeline& pipeline, std::vector<ErrorCode>& codes) {
  try {
    return Generate(pipeline, 1, 3);
  } catch (const Error& error) {
    codes.push_back(error.code());
    return std::nullopt;
  }
}

TEST_F(CudaPipeline, AnyCallMayFailAndTheModelGoesOn) {
  const Bundle bundle;
  const auto reference = [&] {
    const auto pipeline = Load(bundle);
    const Pixels pixels = Generate(*pipeline, 1, 3);
    DisposeAndWait(gpu, *pipeline);
    return pixels;
  }();
  gpu.Trim();
  const int objects = Runtime().objects;
  std::vector<ErrorCode> codes;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 2000);
    const int first = Runtime().calls;
    Runtime().fail_at = first + n;
    std::shared_ptr<Pipeline> pipeline;
    std::optional<Pixels> pixels;
    try {
      pipeline = Load(bundle);
      pixels = TryGenerate(*pipeline, codes);
    } catch (const Error& error) {
      codes.push_back(error.code());
    }
    const bool reached = Runtime().calls > first + n;
    Runtime().fail_at = -1;
    if (pixels) EXPECT_EQ(*pixels, reference) << "call " << n;
    if (pipeline) {
      EXPECT_EQ(Generate(*pipeline, 1, 3), reference) << "after call " << n;
      DisposeAndWait(gpu, *pipeline);
      pipeline.reset();
    }
    gpu.Trim();
    EXPECT_EQ(Runtime().objects, objects) << "call " << n;
    if (!reached) break;
  }
  EXPECT_GT(codes.size(), 100u);
  for (const ErrorCode code : codes) EXPECT_EQ(code, ErrorCode::kEngineFailed);
}

// With every amount of memory from none to enough, loading or generating says that it is too little, and a model that
// was loaded goes on when there is more again.
TEST_F(CudaPipeline, SaysThatMemoryIsShortAndGoesOn) {
  const Bundle bundle;
  const Pixels reference = [&] {
    const auto pipeline = Load(bundle);
    const Pixels pixels = Generate(*pipeline, 1, 3);
    DisposeAndWait(gpu, *pipeline);
    return pixels;
  }();
  gpu.Trim();
  std::vector<ErrorCode> loading, generating;
  for (size_t memory = 0;; memory += 256) {
    ASSERT_LT(memory, size_t{1} << 20);
    Runtime().memory = memory;
    std::shared_ptr<Pipeline> pipeline;
    try {
      pipeline = Load(bundle);
    } catch (const Error& error) {
      loading.push_back(error.code());
      gpu.Trim();
      continue;
    }
    const auto pixels = TryGenerate(*pipeline, generating);
    Runtime().memory = size_t{1} << 40;
    EXPECT_EQ(Generate(*pipeline, 1, 3), reference) << memory << " bytes";
    DisposeAndWait(gpu, *pipeline);
    gpu.Trim();
    if (!pixels) continue;
    EXPECT_EQ(*pixels, reference);
    break;
  }
  EXPECT_FALSE(loading.empty());
  EXPECT_FALSE(generating.empty());
  for (const ErrorCode code : loading) EXPECT_EQ(code, ErrorCode::kOutOfMemory);
  for (const ErrorCode code : generating) EXPECT_EQ(code, ErrorCode::kOutOfMemory);
}

// The text encoder and the UNet need not agree on their precision.
TEST_F(CudaPipeline, ConvertsConditioningToWhatTheUnetTakes) {
  const Bundle bundle(DataType::kFloat16);
  Bundle mixed(DataType::kFloat16);
  std::vector<Profile> batches = mixed.unet->source.profiles;
  mixed.unet = std::make_unique<Graph>(
      "unet",
      std::vector<TensorInfo>{{"sample", DataType::kFloat16, {-1, kChannels, -1, -1}},
                              {"timestep", DataType::kFloat32, {-1}},
                              {"encoder_hidden_states", DataType::kFloat16, {-1, kRows, kDimension}}},
      std::vector<TensorInfo>{{"eps", DataType::kFloat32, {-1, kChannels, -1, -1}}}, batches);
  const auto pipeline = Load(bundle), mixed_pipeline = Load(mixed);
  const Pixels expected = Generate(*pipeline, 1, 3), pixels = Generate(*mixed_pipeline, 1, 3);
  for (size_t image = 0; image < expected.size(); ++image) {
    for (size_t i = 0; i < expected[image].size(); ++i) {
      // A rounding to 11 binary digits of numbers below 1 moves a level by less than one.
      EXPECT_LE(std::abs(int{pixels[image][i]} - int{expected[image][i]}), 1) << "image " << image << ", byte " << i;
    }
  }
  DisposeAndWait(gpu, *pipeline);
  DisposeAndWait(gpu, *mixed_pipeline);
}

}  // namespace
}  // namespace arc2face::testing
