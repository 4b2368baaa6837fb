// The TensorRT provider, driven through the C ABI with the stand-in's library, whose engines compute on the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "fake_networks.h"
#include "provider/tensorrt/build.h"
#include "stand_in/evaluate.h"
#include "stand_in_bundle.h"

namespace arc2face::testing {
namespace {

const tensorrt::LibraryPaths kPaths{.provider = ARC2FACE_STAND_IN, .core = "", .parser = ""};

tensorrt::EngineLibrary StandIn() { return tensorrt::EngineLibrary(kPaths); }

// The error's code and message; fails the test if nothing is thrown.
template <typename Action>
std::pair<ErrorCode, std::string> Thrown(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  throw std::logic_error("Nothing was thrown.");
}

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
  return OpenTensorRt(StandIn(), HostDevice())->Load(source, *HostDevice().MakeStream(), interrupt);
}

TEST(StandIn, RunsEachProfile) {
  const auto graph = SmallGraph();
  const auto network = Load(graph->source);
  EXPECT_EQ(network->inputs()[0].name, "x");
  EXPECT_EQ(network->inputs()[1].type, DataType::kInt64);
  EXPECT_EQ(network->outputs()[0].shape, (std::vector<int64_t>{-1, 5}));
  ASSERT_EQ(network->profiles().size(), 3u);
  EXPECT_EQ(network->profiles()[2], (InputShapes{{4, 5}, {4}}));
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

TEST(StandIn, DoesNotSumWhatWasCancelled) {
  const auto graph = SmallGraph();
  // Whoever sums would find that nothing fits.
  const StoredTensor none{
      .name = "none", .file = "/lora", .type = DataType::kFloat32, .shape = {}, .data = nullptr, .bytes = 0};
  ASSERT_FALSE(graph->source.weights.empty());
  graph->source.weights[0].deltas = {{.factor = 1, .up = none, .down = none}};
  Interrupt interrupt;
  const auto build = [&] { BuildSmall(graph->source, interrupt); };
  EXPECT_EQ(Thrown(build).first, ErrorCode::kInvalidWeights);
  interrupt.Request();
  EXPECT_EQ(Thrown(build).first, ErrorCode::kCancelled);
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

TEST(StandInPipeline, ImagesDoNotDependOnTheirBatch) {
  const Bundle bundle;
  const auto pipeline = LoadPipeline(HostDevice(), bundle, StandIn());
  const auto together = Generate(*pipeline, 5, 4);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(Generate(*pipeline, 5 + i, 1)[0], together[i]) << "image " << i;
  EXPECT_NE(together[0], together[1]);
  DisposeAndWait(HostDevice(), *pipeline);
}

TEST(StandInPipeline, SurvivesAFaultAtEachCall) {
  ExpectToSurviveFaults(HostDevice(), tensorrt::OpenEngineApi(ARC2FACE_STAND_IN));
}

TEST(EngineLibrary, NamesALibraryThatIsNone) {
  const auto [code, text] = Thrown([] { tensorrt::OpenEngineApi("/nowhere/engines.so"); });
  EXPECT_EQ(code, ErrorCode::kNoDevice);
  EXPECT_NE(text.find("/nowhere/engines.so"), std::string::npos) << text;
}

}  // namespace
}  // namespace arc2face::testing
