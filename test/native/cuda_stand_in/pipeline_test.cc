// The whole pipeline over a runtime on the host whose calls fail.
#include <string>

#include "device/cuda.h"
#include "runtime.h"
#include "stand_in_bundle.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

TEST(CudaStandInPipeline, AnyCallMayFailAndTheModelGoesOn) {
  Device& gpu = CudaDevice(0);
  const Bundle bundle(DataType::kFloat16);
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  std::shared_ptr<Pipeline> pipeline = LoadPipeline(gpu, bundle, library);
  const auto reference = Generate(*pipeline, 1, 2);
  DisposeAndWait(gpu, *pipeline);
  pipeline.reset();
  gpu.Trim();
  const int objects = Runtime().objects;

  int failures = 0;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 5000);
    const int first = Runtime().calls;
    Runtime().fail_at = first + n;
    try {
      pipeline = LoadPipeline(gpu, bundle, library);
      EXPECT_EQ(Generate(*pipeline, 1, 2), reference) << "call " << n;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kEngineFailed) << "call " << n << ": " << error.what();
      ++failures;
    }
    const bool reached = Runtime().calls > first + n;
    Runtime().fail_at = -1;
    if (pipeline != nullptr) {
      EXPECT_EQ(Generate(*pipeline, 1, 2), reference) << "after call " << n;
      DisposeAndWait(gpu, *pipeline);
      pipeline.reset();
    }
    gpu.Trim();
    EXPECT_EQ(Runtime().objects, objects) << "call " << n;
    if (!reached) break;
  }
  EXPECT_GT(failures, 50);  // memory, streams, events, copies, captured steps
}

// Two images that share batches of three rows, of which they have two in turns: captured steps replay with other rows.
TEST(CudaStandInPipeline, CapturedStepsFollowTheirGuidance) {
  const Bundle bundle;
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  const auto paint = [&](bool together) {
    const auto pipeline = LoadPipeline(CudaDevice(0), bundle, library);
    std::vector<std::vector<uint8_t>> pixels;
    const auto take = [&](Result<std::vector<Image>>& result) {
      const std::vector<Image> images = result.Take();
      pixels.emplace_back(images[0].data.get(), images[0].data.get() + images[0].width * images[0].height * 3);
    };
    Result<std::vector<Image>> results[2];
    for (uint8_t i = 0; i < 2; ++i) {
      GenerateRequest request = MakeRequest(i, 1, 12, 3);
      for (uint8_t step = 0; step < 12; ++step) request.guided.push_back((step + i) % 2);
      Paint(*pipeline, std::move(request), results[i].Done());
      if (!together) take(results[i]);
    }
    if (together) {
      for (auto& result : results) take(result);
    }
    DisposeAndWait(CudaDevice(0), *pipeline);
    return pixels;
  };
  const auto alone = paint(false);
  EXPECT_NE(alone[0], alone[1]);
  EXPECT_EQ(paint(true), alone);
}

TEST(CudaStandInPipeline, AnyCallMayFailWhileItInpaintsAndTheModelGoesOn) {
  const Bundle bundle(DataType::kFloat16);
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  Device& gpu = CudaDevice(0);
  const auto pipeline = LoadPipeline(gpu, bundle, library, true);
  const auto reference = Generate(*pipeline, 1, 2, true);
  EXPECT_NE(reference[0], reference[1]);
  EXPECT_NE(reference, Generate(*pipeline, 1, 2));
  int failures = 0;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 2000);
    const int first = Runtime().calls;
    Runtime().fail_at = first + n;
    try {
      EXPECT_EQ(Generate(*pipeline, 1, 2, true), reference) << "call " << n;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kEngineFailed) << "call " << n << ": " << error.what();
      ++failures;
    }
    const bool reached = Runtime().calls > first + n;
    Runtime().fail_at = -1;
    EXPECT_EQ(Generate(*pipeline, 1, 2, true), reference) << "after call " << n;
    if (!reached) break;
  }
  EXPECT_GT(failures, 30);
  DisposeAndWait(gpu, *pipeline);
}

// What a call ended with.
template <typename Work>
std::string EndOf(const Work& work) {
  try {
    work();
    return "done";
  } catch (const Error& error) {
    return Name(error.code());
  }
}

TEST(CudaStandInPipeline, EveryCallEndsWhenTheGpuIsLostAndTheModelCanBeDisposed) {
  Runtime().gpus = 3000;  // one for each loss; those from 2000 on are this test's
  const Bundle bundle(DataType::kFloat16);
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  int losses = 0;
  for (int n = 0;; n += 7) {
    ASSERT_LT(n, 5000);
    Device& gpu = CudaDevice(2000 + n / 7);
    const int objects = Runtime().objects;
    std::shared_ptr<Pipeline> pipeline;
    const std::string loaded = EndOf([&] { pipeline = LoadPipeline(gpu, bundle, library); });
    ASSERT_EQ(loaded, "done");
    const int first = Runtime().calls;
    Runtime().lose_at = first + n;
    std::vector<Result<std::vector<Image>>> pending(3);
    for (size_t i = 0; i < pending.size(); ++i) {
      GenerateRequest request = MakeRequest(i, 2, 3, 3.0f);
      request.embeddings[0] = 0.5f;
      Paint(*pipeline, std::move(request), pending[i].Done());
    }
    bool is_lost = false;
    for (auto& result : pending) {
      const std::string end = EndOf([&] { result.Take(); });
      is_lost = is_lost || end == "DEVICE_LOST";
      EXPECT_TRUE(end == "done" || end == "DEVICE_LOST") << "call " << n << ": " << end;
    }
    if (is_lost) {
      ++losses;
      EXPECT_EQ(EndOf([&] { Generate(*pipeline, 1, 2); }), "DEVICE_LOST") << "call " << n;
      EXPECT_EQ(EndOf([&] { LoadPipeline(gpu, bundle, library); }), "DEVICE_LOST") << "call " << n;
    }
    DisposeAndWait(gpu, *pipeline);
    pipeline.reset();
    const bool reached = Runtime().lost_gpu >= 0;
    Runtime().lose_at = -1;
    Runtime().lost_gpu = -1;
    gpu.Trim();
    EXPECT_EQ(Runtime().objects, objects) << "call " << n;
    if (!reached) break;
  }
  Runtime().gpus = 1;
  EXPECT_GT(losses, 10);
}

}  // namespace
}  // namespace arc2face::testing
