// The TensorRT provider, driven through the C ABI with the stand-in's library, whose engines compute on the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "fake_networks.h"
#include "faulty_engines.h"
#include "onnx_graph.h"
#include "provider/stand_in/engine_file.h"
#include "provider/stand_in/evaluate.h"
#include "provider/tensorrt/build.h"
#include "provider/tensorrt/tensorrt.h"

namespace arc2face::testing {
namespace {

const tensorrt::LibraryPaths kPaths{.provider = ARC2FACE_STAND_IN, .core = "", .parser = ""};

tensorrt::EngineLibrary StandIn() { return tensorrt::EngineLibrary(kPaths); }

// The error's code and words; fails the test when nothing is thrown.
template <typename Action>
std::pair<ErrorCode, std::string> Thrown(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  throw std::logic_error("Nothing was thrown.");
}

// A graph with weights, as the stand-in reads it: the nodes don't matter.
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

// y = f(x, t), [rows, 5]
std::unique_ptr<Graph> SmallGraph(std::vector<int64_t> batches = {1, 2, 4}) {
  std::vector<Profile> profiles;
  for (const int64_t rows : batches) profiles.push_back({{"x", {rows, 5}}, {"t", {rows}}});
  return std::make_unique<Graph>(
      "small", std::vector<TensorInfo>{{"x", DataType::kFloat32, {-1, 5}}, {"t", DataType::kInt64, {-1}}},
      std::vector<TensorInfo>{{"y", DataType::kFloat32, {-1, 5}}}, profiles);
}

struct SmallRun {
  std::vector<float> x;
  std::vector<int64_t> t;
  std::vector<float> y;
  explicit SmallRun(int64_t rows) : x(static_cast<size_t>(rows * 5)), t(static_cast<size_t>(rows)), y(x.size(), -7) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) / 3 - 1;
    for (size_t i = 0; i < t.size(); ++i) t[i] = static_cast<int64_t>(i) * 10 - 3;
  }
  void On(Network& network) {
    Interrupt interrupt;
    const int64_t rows = static_cast<int64_t>(t.size());
    const Tensor inputs[] = {{DataType::kFloat32, {rows, 5}, x.data()}, {DataType::kInt64, {rows}, t.data()}};
    const Tensor output{DataType::kFloat32, {rows, 5}, y.data()};
    network.Run(inputs, {&output, 1}, *HostDevice().MakeStream(), interrupt);
  }
  std::vector<float> Expected(float bias) const {
    stand_in::Inputs inputs{};
    const auto rows = static_cast<int64_t>(t.size());
    inputs.inputs[0] = {.data = x.data(), .type = ARC2FACE_FLOAT32, .rows = rows, .elements = 5};
    inputs.inputs[1] = {.data = t.data(), .type = ARC2FACE_INT64, .rows = rows, .elements = 1};
    inputs.count = 2;
    inputs.bias = bias;
    std::vector<float> expected(y.size()), scratch(y.size());
    stand_in::EvaluateHost(inputs, rows, 5, scratch.data(), ARC2FACE_FLOAT32, expected.data());
    return expected;
  }
};

std::unique_ptr<Network> Load(const NetworkSource& source) {
  Interrupt interrupt;
  return OpenTensorRt(StandIn(), HostDevice())->Load(source, interrupt);
}

TEST(StandIn, RunsEachProfile) {
  const auto graph = SmallGraph();
  const auto network = Load(graph->source);
  EXPECT_EQ(network->inputs()[0].name, "x");
  EXPECT_EQ(network->inputs()[1].type, DataType::kInt64);
  EXPECT_EQ(network->outputs()[0].shape, (std::vector<int64_t>{-1, 5}));
  for (const int64_t rows : {1, 4, 2, 1}) {
    SmallRun run(rows);
    run.On(*network);
    EXPECT_EQ(run.y, run.Expected(graph->bias())) << rows << " rows";
  }
}

TEST(StandIn, SaysWhoItIs) {
  const auto provider = OpenTensorRt(StandIn(), HostDevice());
  EXPECT_STREQ(provider->name(), "stand-in");
  EXPECT_EQ(provider->version(), "1.2.3.4");
}

TEST(StandIn, RefusesOtherShapes) {
  const auto graph = SmallGraph();
  const auto network = Load(graph->source);
  const auto [code, text] = Thrown([&] { SmallRun(3).On(*network); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_NE(text.find("x float32 [4, 5]"), std::string::npos) << text;
  EXPECT_NE(text.find("x float32 [3, 5]"), std::string::npos) << text;
}

std::vector<std::byte> BuildSmall(const NetworkSource& source, Interrupt& interrupt,
                                  const tensorrt::BuildProgress& progress = nullptr) {
  std::vector<std::byte> engine;
  tensorrt::BuildEngine(
      StandIn(), source, {}, progress,
      [&](std::span<const std::byte> part) { engine.insert(engine.end(), part.begin(), part.end()); }, interrupt);
  return engine;
}

TEST(StandIn, OpensAnEngineFile) {
  const auto graph = SmallGraph();
  Interrupt interrupt;
  const std::vector<std::byte> engine = BuildSmall(graph->source, interrupt);
  const auto network = Load({.name = "from a file", .graph = {}, .weights = {}, .maps = {}, .engine = engine});
  SmallRun run(2);
  run.On(*network);
  EXPECT_EQ(run.y, run.Expected(graph->bias()));

  for (const size_t at : {size_t{0}, engine.size() / 2, engine.size() - 1}) {
    std::vector<std::byte> damaged = engine;
    damaged[at] ^= std::byte{1};
    const auto [code, text] =
        Thrown([&] { Load({.name = "damaged", .graph = {}, .weights = {}, .maps = {}, .engine = damaged}); });
    EXPECT_EQ(code, ErrorCode::kEngineFailed) << at;
    EXPECT_NE(text.find("damaged"), std::string::npos) << text;
  }
}

TEST(StandIn, BuildIsCancelledAtEachReport) {
  const auto graph = SmallGraph();
  int reports = 0;
  Interrupt never;
  BuildSmall(graph->source, never, [&](const std::string&, int, int) { ++reports; });
  ASSERT_GT(reports, 0);
  for (int at = 0; at < reports; ++at) {
    Interrupt interrupt;
    int left = at;
    const auto [code, text] = Thrown([&] {
      BuildSmall(graph->source, interrupt, [&](const std::string&, int, int) {
        if (left-- == 0) interrupt.Request();
      });
    });
    EXPECT_EQ(code, ErrorCode::kCancelled) << text;
  }
}

TEST(StandIn, PassesOnWhatCallbacksThrow) {
  const auto graph = SmallGraph();
  Interrupt interrupt;
  EXPECT_THROW(BuildSmall(graph->source, interrupt,
                          [](const std::string&, int, int) { throw std::domain_error("of the callback"); }),
               std::domain_error);
}

TEST(StandIn, NamesTheWeightThatIsMissing) {
  const auto graph = SmallGraph();
  graph->source.weights.clear();
  const auto [code, text] = Thrown([&] { Load(graph->source); });
  EXPECT_EQ(code, ErrorCode::kInvalidWeights);
  EXPECT_NE(text.find("the weight w"), std::string::npos) << text;
}

// Networks with the interfaces of models/*.ts, for batches of 1 to 4 rows of 4 x 4 latents.
struct Bundle {
  std::unique_ptr<Graph> text_encoder, unet, vae_decoder;

  Bundle() {
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
        std::vector<TensorInfo>{{"sample", DataType::kFloat32, {-1, kChannels, -1, -1}},
                                {"timestep", DataType::kFloat32, {-1}},
                                {"encoder_hidden_states", DataType::kFloat32, {-1, kRows, kDimension}}},
        std::vector<TensorInfo>{{"eps", DataType::kFloat32, {-1, kChannels, -1, -1}}}, batches);
    vae_decoder = std::make_unique<Graph>(
        "vaeDecoder", std::vector<TensorInfo>{{"latents", DataType::kFloat32, {-1, kChannels, -1, -1}}},
        std::vector<TensorInfo>{{"image", DataType::kFloat32, {-1, 3, 32, 32}}},
        std::vector<Profile>{{{"latents", {1, kChannels, 4, 4}}}});
  }
};

// The stand-in's batches end at four rows.
class FewRows final : public Provider {
 public:
  explicit FewRows(std::unique_ptr<Provider> provider) : provider_(std::move(provider)) {}
  const char* name() const noexcept override { return provider_->name(); }
  std::string version() const override { return provider_->version(); }
  size_t PreferredRows(int64_t, int64_t) const noexcept override { return 4; }
  std::unique_ptr<Network> Load(const NetworkSource& source, Interrupt& interrupt) override {
    return provider_->Load(source, interrupt);
  }

 private:
  std::unique_ptr<Provider> provider_;
};

std::shared_ptr<Pipeline> LoadPipeline(const Bundle& bundle, const tensorrt::EngineLibrary& library) {
  PipelineSource source;
  source.provider = std::make_shared<FewRows>(OpenTensorRt(library, HostDevice()));
  source.text_encoder = bundle.text_encoder->source;
  source.unet = bundle.unet->source;
  source.vae_decoder = bundle.vae_decoder->source;
  source.prompt = {{1, 2, 3}, {1, 3, 3}, 1};
  source.pixels_per_latent = 8;
  Interrupt interrupt;
  return Pipeline::Load(HostDevice(), source, nullptr, interrupt);
}

std::vector<std::vector<uint8_t>> Generate(Pipeline& pipeline, uint64_t seed, uint32_t images) {
  Result<std::vector<Image>> result;
  GenerateRequest request = MakeRequest(seed, images, 3, 3.0f);
  request.embeddings[0] = 0.5f;  // one identity for all seeds
  pipeline.Generate(std::move(request), result.Done());
  std::vector<std::vector<uint8_t>> pixels;
  for (const Image& image : result.Take()) {
    pixels.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
  }
  return pixels;
}

TEST(StandInPipeline, ImagesDoNotDependOnTheirBatch) {
  const Bundle bundle;
  const auto pipeline = LoadPipeline(bundle, StandIn());
  const auto together = Generate(*pipeline, 5, 4);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(Generate(*pipeline, 5 + i, 1)[0], together[i]) << "image " << i;
  EXPECT_NE(together[0], together[1]);
  DisposeAndWait(HostDevice(), *pipeline);
}

// Each call of the ABI fails once: the error says so, nothing hangs or stays open, and a model that was loaded goes on.
TEST(StandInPipeline, SurvivesAFaultAtEachCall) {
  const Bundle bundle;
  const Arc2FaceEngineApi& api = FaultyApi(tensorrt::OpenEngineApi(ARC2FACE_STAND_IN));
  faults.Restart(-1);
  const auto reference = [&] {
    const auto pipeline = LoadPipeline(bundle, StandIn());
    const auto pixels = Generate(*pipeline, 1, 2);
    DisposeAndWait(HostDevice(), *pipeline);
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
        pipeline = LoadPipeline(bundle, tensorrt::EngineLibrary(api, kPaths));
        pixels = Generate(*pipeline, 1, 2);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << "call " << at << ": " << error.what();
        EXPECT_NE(std::string(error.what()).find("A fault on purpose."), std::string::npos) << error.what();
        ++failures;
      }
      const bool reached = faults.calls > at;
      faults.fail_at = -1;
      if (pipeline != nullptr) {
        EXPECT_EQ(Generate(*pipeline, 1, 2), reference) << "after call " << at;
        DisposeAndWait(HostDevice(), *pipeline);
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

TEST(EngineLibrary, NamesALibraryThatIsNone) {
  const auto [code, text] = Thrown([] { tensorrt::OpenEngineApi("/nowhere/engines.so"); });
  EXPECT_EQ(code, ErrorCode::kNoDevice);
  EXPECT_NE(text.find("/nowhere/engines.so"), std::string::npos) << text;
}

}  // namespace
}  // namespace arc2face::testing
