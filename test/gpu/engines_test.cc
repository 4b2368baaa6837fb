// Engines on a GPU: the stand-in's, whose results are known, through the C ABI in the whole pipeline.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gpu.h"
#include "operation_data.h"
#include "stand_in/place.h"
#include "stand_in_bundle.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

using GpuEngines = GpuTest;

// Part of this program.
tensorrt::EngineLibrary OnGpuStandIn() {
  return tensorrt::EngineLibrary(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
}
// A library of its own, beside the program that was built with it unless the environment names another place.
tensorrt::EngineLibrary OnHostStandIn() {
  const char* elsewhere = std::getenv("ARC2FACE_STAND_IN");
  return tensorrt::EngineLibrary(
      {.provider = elsewhere != nullptr ? elsewhere : ARC2FACE_STAND_IN, .core = "", .parser = ""});
}

template <typename T>
class GpuEvaluation : public GpuTest {};
using Precisions = ::testing::Types<float, Half>;
TYPED_TEST_SUITE(GpuEvaluation, Precisions);

TYPED_TEST(GpuEvaluation, EqualsTheDefinition) {
  constexpr Arc2FaceType kType = std::is_same_v<TypeParam, Half> ? ARC2FACE_FLOAT16 : ARC2FACE_FLOAT32;
  for (const size_t elements : kElementCounts) {
    for (const size_t rows : {1, 2, 3}) {
      auto sample = RandomNumbers<TypeParam>(rows * elements, 1);
      std::vector<int64_t> timesteps = {999, -3, 0};
      std::vector<int32_t> positions = {4, 1 << 30};  // fewer rows than the output
      std::vector<TypeParam> expected(rows * elements);
      std::vector<float> sums(expected.size());
      stand_in::Inputs inputs{};
      inputs.count = 3;
      inputs.bias = 0.125f;
      inputs.inputs[0] = {sample.data(), kType, static_cast<int64_t>(rows), static_cast<int64_t>(elements)};
      inputs.inputs[1] = {timesteps.data(), ARC2FACE_INT64, 3, 1};
      inputs.inputs[2] = {positions.data(), ARC2FACE_INT32, 2, 1};
      const auto height = static_cast<int64_t>(rows), width = static_cast<int64_t>(elements);
      stand_in::EvaluateHost(inputs, height, width, sums.data(), kType, expected.data());

      Stream& stream = *this->stream;
      OnGpu<TypeParam> gpu_sample(*this->gpu, stream, sample), output(*this->gpu, stream, expected);
      OnGpu<int64_t> gpu_timesteps(*this->gpu, stream, timesteps);
      OnGpu<int32_t> gpu_positions(*this->gpu, stream, positions);
      OnGpu<float> scratch(*this->gpu, stream, sums);
      stream.Zero(output.data(), expected.size() * sizeof(TypeParam));
      inputs.inputs[0].data = gpu_sample.data();
      inputs.inputs[1].data = gpu_timesteps.data();
      inputs.inputs[2].data = gpu_positions.data();
      stand_in::Evaluate(inputs, height, width, scratch.data(), kType, output.data(), stream.handle());
      EXPECT_TRUE(SameBits(output.values(), expected)) << rows << " x " << elements;
    }
  }
}

// Everything between the networks equals its definition bit for bit, so the images do too.
TEST_F(GpuEngines, PaintWhatTheHostPaints) {
  for (const DataType floats : {DataType::kFloat32, DataType::kFloat16}) {
    const Bundle bundle(floats);
    const auto on_gpu = LoadPipeline(*gpu, bundle, OnGpuStandIn());
    const auto on_host = LoadPipeline(HostDevice(), bundle, OnHostStandIn());
    for (const uint32_t images : {1, 2, 3, 4}) {
      EXPECT_EQ(Generate(*on_gpu, images, images), Generate(*on_host, images, images))
          << images << " images in " << Name(floats);
    }
    DisposeAndWait(*gpu, *on_gpu);
    DisposeAndWait(HostDevice(), *on_host);
  }
}

// Requests that come and go change the batch from step to step, and with it the captured graph.
TEST_F(GpuEngines, RequestsThatShareBatchesGiveTheSameImagesAsAlone) {
  const Bundle bundle;
  const auto pipeline = LoadPipeline(*gpu, bundle, OnGpuStandIn());
  const auto requests = [] {
    std::vector<GenerateRequest> different;
    different.push_back(MakeRequest(1, 1, 12, 3));
    different.push_back(MakeRequest(2, 3, 5, 1));
    different.push_back(MakeRequest(3, 2, 9, 7.5f, true));
    different.push_back(MakeRequest(4, 1, 1, 3, true));
    different.push_back(MakeRequest(5, 4, 6, 2));
    return different;
  };
  const auto pixels = [](std::vector<Image> images) {
    std::vector<std::vector<uint8_t>> all;
    for (const Image& image : images) {
      all.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
    }
    return all;
  };
  std::vector<std::vector<std::vector<uint8_t>>> alone;
  for (GenerateRequest& request : requests()) {
    Result<std::vector<Image>> result;
    Paint(*pipeline, std::move(request), result.Done());
    alone.push_back(pixels(result.Take()));
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<Result<std::vector<Image>>> results(alone.size());
    auto together = requests();
    for (size_t i = 0; i < results.size(); ++i) Paint(*pipeline, std::move(together[i]), results[i].Done());
    for (size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(pixels(results[i].Take()), alone[i]) << "request " << i << ", round " << round;
    }
  }
  DisposeAndWait(*gpu, *pipeline);
}

TEST_F(GpuEngines, SeveralModelsTakeTurns) {
  const Bundle bundle;
  std::vector<std::shared_ptr<Pipeline>> pipelines;
  for (int i = 0; i < 3; ++i) pipelines.push_back(LoadPipeline(*gpu, bundle, OnGpuStandIn()));
  const auto expected = Generate(*pipelines[0], 7, 2);
  std::vector<Result<std::vector<Image>>> results(pipelines.size());
  for (size_t i = 0; i < results.size(); ++i) {
    GenerateRequest request = MakeRequest(7, 2, 3, 3);
    request.embeddings[0] = 0.5f;
    Paint(*pipelines[i], std::move(request), results[i].Done());
  }
  for (auto& result : results) {
    const std::vector<Image> images = result.Take();
    ASSERT_EQ(images.size(), expected.size());
    for (size_t i = 0; i < images.size(); ++i) {
      EXPECT_TRUE(std::equal(expected[i].begin(), expected[i].end(), images[i].data.get())) << "image " << i;
    }
  }
  for (const auto& pipeline : pipelines) DisposeAndWait(*gpu, *pipeline);
}

TEST_F(GpuEngines, CancelledAndDisposedWorkLeavesTheGpuUsable) {
  const Bundle bundle;
  const auto pipeline = LoadPipeline(*gpu, bundle, OnGpuStandIn());
  const auto expected = Generate(*pipeline, 3, 1);
  for (int round = 0; round < 5; ++round) {
    Result<std::vector<Image>> result;
    const auto call = Paint(*pipeline, MakeRequest(1, 4, 1000, 3), result.Done());
    pipeline->Cancel(call);
    EXPECT_EQ(result.Code(), ErrorCode::kCancelled);
    EXPECT_EQ(Generate(*pipeline, 3, 1), expected) << "round " << round;
  }
  Result<std::vector<Image>> pending;
  Paint(*pipeline, MakeRequest(1, 4, 1000, 3), pending.Done());
  DisposeAndWait(*gpu, *pipeline);
  EXPECT_EQ(pending.Code(), ErrorCode::kDisposed);
  const auto another = LoadPipeline(*gpu, bundle, OnGpuStandIn());
  EXPECT_EQ(Generate(*another, 3, 1), expected);
  DisposeAndWait(*gpu, *another);
}

TEST_F(GpuEngines, SurviveAFaultAtEachCall) {
  ExpectToSurviveFaults(*gpu, *Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION));
}

}  // namespace
}  // namespace arc2face::testing
