// Networks for the stand-in's engines, and a pipeline over them on any device.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_networks.h"
#include "faulty_engines.h"
#include "onnx_graph.h"
#include "provider/tensorrt/tensorrt.h"
#include "stand_in/engine_file.h"

namespace arc2face::testing {

// A graph with weights for the stand-in, to which nodes don't matter.
struct Graph {
  std::string model;
  std::vector<float> values;
  NetworkSource source;

  Graph(const std::string& name, std::vector<TensorInfo> inputs, std::vector<TensorInfo> outputs,
        std::vector<Profile> profiles, std::vector<float> weight = {1, 2, 3})
      : values(std::move(weight)) {
    const TensorInfo declared{"w", DataType::kFloat32, {static_cast<int64_t>(values.size())}};
    model = onnx::Model({{"Mul", {"w"}, {"y"}}}, {declared}, inputs, outputs);
    source = {.name = name,
              .graph = onnx::Bytes(model),
              .weights = {{.name = "w",
                           .type = DataType::kFloat32,
                           .shape = declared.shape,
                           .data = reinterpret_cast<const std::byte*>(values.data()),
                           .bytes = values.size() * sizeof(float)}},
              .maps = {},
              .profiles = std::move(profiles)};
  }
  Graph(const Graph&) = delete;

  float bias() const {
    return static_cast<float>(stand_in::Checksum(std::as_bytes(std::span(values))) % 1024) / 4096.0f;
  }
};

// Networks with the interfaces of models/*.ts, for batches of 1 to 4 rows of 4 x 4 latents. `floats`: the type of what
// they compute in; timesteps are always float32.
struct Bundle {
  std::unique_ptr<Graph> text_encoder, unet, vae_decoder, vae_encoder;

  explicit Bundle(DataType floats = DataType::kFloat32) {
    text_encoder = std::make_unique<Graph>(
        "textEncoder",
        std::vector<TensorInfo>{{"input_ids", DataType::kInt64, {-1, kRows}},
                                {"identity", DataType::kFloat32, {-1, 512}},
                                {"identity_position", DataType::kInt64, {-1}}},
        std::vector<TensorInfo>{{"hidden_states", DataType::kFloat32, {-1, kRows, kDimension}}},
        std::vector<Profile>{{{"input_ids", {1, kRows}}, {"identity", {1, 512}}, {"identity_position", {1}}}});
    std::vector<Profile> batches;
    for (const int64_t rows : {1, 2, 3, 4}) {
      batches.push_back({{"sample", {rows, kChannels, 4, 4}},
                         {"timestep", {rows}},
                         {"encoder_hidden_states", {rows, kRows, kDimension}}});
    }
    unet = std::make_unique<Graph>(
        "unet",
        std::vector<TensorInfo>{{"sample", floats, {-1, kChannels, -1, -1}},
                                {"timestep", DataType::kFloat32, {-1}},
                                {"encoder_hidden_states", DataType::kFloat32, {-1, kRows, kDimension}}},
        std::vector<TensorInfo>{{"eps", floats, {-1, kChannels, -1, -1}}}, batches);
    vae_decoder =
        std::make_unique<Graph>("vaeDecoder", std::vector<TensorInfo>{{"latents", floats, {-1, kChannels, -1, -1}}},
                                std::vector<TensorInfo>{{"image", floats, {-1, 3, 32, 32}}},
                                std::vector<Profile>{{{"latents", {1, kChannels, 4, 4}}}});
    vae_encoder = std::make_unique<Graph>(
        "vaeEncoder", std::vector<TensorInfo>{{"image", floats, {-1, 3, -1, -1}}},
        std::vector<TensorInfo>{{"mean", floats, {-1, kChannels, 4, 4}}, {"deviation", floats, {-1, kChannels, 4, 4}}},
        std::vector<Profile>{{{"image", {1, 3, 32, 32}}}});
  }
};

// The stand-in's batches end at four rows.
class FewRows final : public Provider {
 public:
  explicit FewRows(std::unique_ptr<Provider> provider) : provider_(std::move(provider)) {}
  const char* name() const noexcept override { return provider_->name(); }
  std::string version() const override { return provider_->version(); }
  size_t PreferredRows(int64_t, int64_t) const noexcept override { return 4; }
  void CheckFits(std::span<const NetworkSource> sources) override { provider_->CheckFits(sources); }
  std::unique_ptr<Network> Load(const NetworkSource& source, Stream& stream, Interrupt& interrupt) override {
    return provider_->Load(source, stream, interrupt);
  }

 private:
  std::unique_ptr<Provider> provider_;
};

inline std::shared_ptr<Pipeline> LoadPipeline(Device& device, const Bundle& bundle,
                                              const tensorrt::EngineLibrary& library, bool edits = false) {
  PipelineSource source;
  source.provider = std::make_shared<FewRows>(OpenTensorRt(library, device));
  source.networks = {bundle.text_encoder->source, bundle.unet->source, bundle.vae_decoder->source};
  if (edits) source.networks.push_back(bundle.vae_encoder->source);
  source.prompt = {{1, 2, 3}, {1, 3, 3}, 1};
  source.pixels_per_latent = 8;
  Interrupt interrupt;
  return Pipeline::Load(device, source, nullptr, interrupt);
}

// The pixels of images of one identity, in three steps.
inline std::vector<std::vector<uint8_t>> Generate(Pipeline& pipeline, uint64_t seed, uint32_t images,
                                                  bool inpaints = false) {
  Result<std::vector<Image>> result;
  GenerateRequest request = MakeRequest(seed, images, 3, 3.0f);
  request.embeddings[0] = 0.5f;
  Paint(pipeline, inpaints ? Edited(std::move(request), true) : std::move(request), result.Done());
  std::vector<std::vector<uint8_t>> pixels;
  for (const Image& image : result.Take()) {
    pixels.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
  }
  return pixels;
}

// Each call of the ABI fails once: the error says so, nothing hangs or stays open, and a loaded model goes on.
inline void ExpectToSurviveFaults(Device& device, const Arc2FaceEngineApi& real) {
  const Bundle bundle;
  const tensorrt::LibraryPaths none{.provider = "", .core = "", .parser = ""};
  const Arc2FaceEngineApi& api = FaultyApi(real);
  const auto load = [&] { return LoadPipeline(device, bundle, tensorrt::EngineLibrary(api, none)); };
  faults.Restart(-1);
  const auto reference = [&] {
    const auto pipeline = load();
    const auto pixels = Generate(*pipeline, 1, 2);
    DisposeAndWait(device, *pipeline);
    return pixels;
  }();
  for (const auto& [status, code] : {std::pair{ARC2FACE_FAILED, ErrorCode::kEngineFailed},
                                     std::pair{ARC2FACE_OUT_OF_MEMORY, ErrorCode::kOutOfMemory}}) {
    faults.status = status;
    int failures = 0;
    for (int at = 0;; ++at) {
      faults.Restart(at);
      std::shared_ptr<Pipeline> pipeline;
      std::vector<std::vector<uint8_t>> pixels;
      try {
        pipeline = load();
        pixels = Generate(*pipeline, 1, 2);
        EXPECT_EQ(pixels, reference) << "call " << at;  // what failed was only a capture, perhaps
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << "call " << at << ": " << error.what();
        EXPECT_NE(std::string(error.what()).find("A fault on purpose."), std::string::npos) << error.what();
        ++failures;
      }
      const bool reached = faults.calls > at;
      faults.fail_at = -1;
      if (pipeline != nullptr) {
        EXPECT_EQ(Generate(*pipeline, 1, 2), reference) << "after call " << at;
        DisposeAndWait(device, *pipeline);
        pipeline.reset();
      }
      EXPECT_EQ(faults.contexts, 0) << "call " << at;
      EXPECT_EQ(faults.engines, 0) << "call " << at;
      if (!reached) {
        EXPECT_EQ(pixels, reference);
        break;
      }
    }
    EXPECT_GT(failures, 30);  // three networks are built, opened and described, and run
  }
}

}  // namespace arc2face::testing
