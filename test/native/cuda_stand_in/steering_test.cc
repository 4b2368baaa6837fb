// A model that everything can steer, over a runtime on the host: captured steps, and calls that fail.
#include <string>

#include "device/cuda.h"
#include "fake_steering.h"
#include "runtime.h"
#include "stand_in_bundle.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

// With the interfaces of models/*.ts; see Bundle.
struct SteeredBundle : Bundle {
  std::unique_ptr<Graph> controlnet;

  explicit SteeredBundle(DataType floats) : Bundle(floats) {
    const auto narrow = DataType::kFloat32;  // of what is always so
    const TensorInfo sample{"sample", floats, {-1, kChannels, -1, -1}}, timestep{"timestep", narrow, {-1}};
    const TensorInfo text{"encoder_hidden_states", DataType::kFloat32, {-1, kRows, kDimension}};
    const TensorInfo down{"down_0", floats, {-1, kChannels, 4, 4}}, mid{"mid", floats, {-1, kChannels, 2, 2}};
    const TensorInfo bank{"bank_0", floats, {-1, 4, kBankChannels}},
        written{"written_0", floats, {-1, 4, kBankChannels}};
    std::vector<Profile> unet_profiles, control_profiles;
    for (const int64_t rows : {1, 2, 3, 4}) {
      const Profile shared = {{"sample", {rows, kChannels, 4, 4}},
                              {"timestep", {rows}},
                              {"encoder_hidden_states", {rows, kRows, kDimension}}};
      Profile& whole = unet_profiles.emplace_back(shared);
      for (InputShape shape : {InputShape{"down_0", {rows, kChannels, 4, 4}},
                               {"mid", {rows, kChannels, 2, 2}},
                               {"expression", {rows, kExpressionSize}},
                               {"expression_scale", {rows}},
                               {"reference_scale", {rows}},
                               {"reference_reads", {rows}},
                               {"bank_0", {rows, 4, kBankChannels}}}) {
        whole.push_back(std::move(shape));
      }
      Profile& steering = control_profiles.emplace_back(shared);
      steering.push_back({"controlnet_cond", {rows, 3, 32, 32}});
      steering.push_back({"conditioning_scale", {rows}});
    }
    unet = std::make_unique<Graph>("unet",
                                   std::vector<TensorInfo>{sample,
                                                           timestep,
                                                           text,
                                                           down,
                                                           mid,
                                                           {"expression", narrow, {-1, kExpressionSize}},
                                                           {"expression_scale", narrow, {-1}},
                                                           {"reference_scale", narrow, {-1}},
                                                           {"reference_reads", narrow, {-1}},
                                                           bank},
                                   std::vector<TensorInfo>{{"eps", floats, {-1, kChannels, -1, -1}}, written},
                                   unet_profiles);
    controlnet = std::make_unique<Graph>(
        "controlNet",
        std::vector<TensorInfo>{
            sample, timestep, text, {"controlnet_cond", floats, {-1, 3, -1, -1}}, {"conditioning_scale", narrow, {-1}}},
        std::vector<TensorInfo>{down, mid}, control_profiles);
  }
};

std::shared_ptr<Pipeline> LoadSteered(Device& device, const SteeredBundle& bundle) {
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  PipelineSource source;
  source.provider = std::make_shared<FewRows>(OpenTensorRt(library, device));
  for (const auto* graph :
       {&bundle.text_encoder, &bundle.unet, &bundle.vae_decoder, &bundle.vae_encoder, &bundle.controlnet}) {
    source.networks.push_back((*graph)->source);
  }
  source.prompt = {{1, 2, 3}, {1, 3, 3}, 1};
  source.pixels_per_latent = 8;
  source.levels = FakeLevels();
  Interrupt interrupt;
  return Pipeline::Load(device, source, nullptr, interrupt);
}

std::vector<std::vector<uint8_t>> Generate(Pipeline& pipeline, uint32_t images, float guidance, Steering steering) {
  Result<std::vector<Image>> result;
  GenerateRequest request = MakeRequest(1, images, 6, guidance);
  request.steering = std::move(steering);
  Paint(pipeline, std::move(request), result.Done());
  std::vector<std::vector<uint8_t>> pixels;
  for (const Image& image : result.Take()) {
    pixels.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
  }
  return pixels;
}

Steering Everything() {
  return {.control = ControlBy(70, 1), .expression = ExpressionOf(0.01f, 1), .reference = ReferenceOf(210, 1)};
}

TEST(CudaStandInSteering, StepsAreCapturedForEachMixtureOnItsOwn) {
  Device& gpu = CudaDevice(0);
  const SteeredBundle bundle(DataType::kFloat16);
  const std::vector<std::function<Steering()>> mixtures = {
      [] { return Steering{}; },
      [] { return Steering{.control = ControlBy(200, 1), .expression = {}, .reference = {}}; },
      [] { return Steering{.control = {}, .expression = ExpressionOf(0.02f, 1), .reference = {}}; },
      [] { return Steering{.control = {}, .expression = {}, .reference = ReferenceOf(40, 1)}; },
      Everything,
  };
  // Of a model that has painted nothing else; its first step is never captured.
  std::vector<std::vector<std::vector<uint8_t>>> expected;
  for (const auto& mixture : mixtures) {
    const auto fresh = LoadSteered(gpu, bundle);
    expected.push_back(Generate(*fresh, 1, 3, mixture()));
    DisposeAndWait(gpu, *fresh);
  }
  const auto pipeline = LoadSteered(gpu, bundle);
  for (int round = 0; round < 4; ++round) {
    for (size_t i = 0; i < mixtures.size(); ++i) {
      EXPECT_EQ(Generate(*pipeline, 1, 3, mixtures[i]()), expected[i]) << "round " << round << ", mixture " << i;
    }
  }
  for (size_t i = 1; i < mixtures.size(); ++i) EXPECT_NE(expected[i], expected[0]) << i;
  DisposeAndWait(gpu, *pipeline);
}

// That a model keeps between calls: a call's last image comes before the threads let go of what it was made of.
int ObjectsKept(Device& gpu) {
  Drain(gpu);
  gpu.Trim();
  return Runtime().objects;
}

TEST(CudaStandInSteering, AnyCallMayFailAndTheModelGoesOn) {
  Device& gpu = CudaDevice(0);
  const SteeredBundle bundle(DataType::kFloat16);
  const auto pipeline = LoadSteered(gpu, bundle);
  const auto expected = Generate(*pipeline, 2, 3, Everything());
  const int objects = ObjectsKept(gpu);
  int failures = 0;
  for (int n = 0;; n += 3) {
    ASSERT_LT(n, 5000);
    const int first = Runtime().calls;
    Runtime().fail_at = first + n;
    try {
      EXPECT_EQ(Generate(*pipeline, 2, 3, Everything()), expected) << "call " << n;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kEngineFailed) << "call " << n << ": " << error.what();
      ++failures;
    }
    const bool reached = Runtime().calls > first + n;
    Runtime().fail_at = -1;
    EXPECT_EQ(Generate(*pipeline, 2, 3, Everything()), expected) << "after call " << n;
    if (!reached) break;
  }
  EXPECT_GT(failures, 30);
  EXPECT_EQ(ObjectsKept(gpu), objects);
  DisposeAndWait(gpu, *pipeline);
}

}  // namespace
}  // namespace arc2face::testing
