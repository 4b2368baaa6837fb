// What steers images besides their identities, through the pipeline over fake networks: each row of a shared batch gets
// its own, and only what it asked for.
#include "pipeline/steering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "fake_steering.h"

namespace arc2face::testing {
namespace {

using Images = std::vector<Image>;
using Bytes = std::vector<std::vector<uint8_t>>;

Bytes ToBytes(const Images& images) {
  Bytes bytes;
  for (const Image& image : images) {
    bytes.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
  }
  return bytes;
}

constexpr size_t kElements = kChannels * 4 * 4;

GenerateRequest Request(uint64_t seed, uint32_t images, float guidance, Steering steering) {
  GenerateRequest request = MakeRequest(seed, images, 3, guidance);
  request.steering = std::move(steering);
  return request;
}

std::vector<float> Noise(size_t images) {
  std::vector<float> noise(images * kElements);
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<float>(i % 17) / 8 - 1;
  return noise;
}

// Each another mixture.
std::vector<GenerateRequest> Mixtures() {
  std::vector<GenerateRequest> requests;
  requests.push_back(Request(1, 2, 3, {}));
  requests.push_back(Request(2, 1, 3, {.control = ControlBy(200, 1), .expression = {}, .reference = {}}));
  requests.push_back(Request(3, 1, 1, {.control = {}, .expression = ExpressionOf(0.02f, 1), .reference = {}}));
  requests.push_back(Request(4, 2, 3, {.control = {}, .expression = {}, .reference = ReferenceOf(40, 0.8f)}));
  requests.push_back(Request(5, 1, 1, {.control = ControlBy(90, 0.5f), .expression = {}, .reference = {}}));
  requests.push_back(
      Request(6, 1, 5, {.control = ControlBy(10, 1), .expression = ExpressionOf(-0.01f, 0.7f), .reference = {}}));
  requests.push_back(Request(7, 1, 3, {.control = {}, .expression = ExpressionOf(0.03f, 0), .reference = {}}));
  requests.push_back(Request(8, 3, 3, {.control = {}, .expression = {}, .reference = ReferenceOf(40, 1, Noise(3))}));
  requests.push_back(Request(
      9, 1, 3, {.control = ControlBy(70, 1), .expression = ExpressionOf(0.01f, 1), .reference = ReferenceOf(210, 1)}));
  requests.push_back(Request(10, 1, 1, {.control = {}, .expression = {}, .reference = ReferenceOf(90, 0)}));
  return requests;
}

// The rows that the networks are built for; none: they run any number.
class SteeringTest : public ::testing::TestWithParam<std::vector<int64_t>> {
 protected:
  SteeringTest() {
    control->unet_rows = GetParam();
    pipeline = MakeSteeredPipeline(HostDevice(), control);
  }
  void TearDown() override {
    control->unet_gate.Open();
    DisposeAndWait(HostDevice(), *pipeline);
  }
  Bytes Generate(GenerateRequest request) {
    Result<Images> result;
    Paint(*pipeline, std::move(request), result.Done());
    return ToBytes(result.Take());
  }
  bool built() const { return !GetParam().empty(); }

  std::shared_ptr<SteeredControl> control = std::make_shared<SteeredControl>();
  std::shared_ptr<Pipeline> pipeline;
};
INSTANTIATE_TEST_SUITE_P(Rows, SteeringTest,
                         ::testing::Values(std::vector<int64_t>{}, std::vector<int64_t>{1, 2, 4, 8},
                                           std::vector<int64_t>{3, 8}),
                         [](const auto& info) { return "Built" + std::to_string(info.param.size()); });

TEST_P(SteeringTest, RequestsOfEveryMixtureGiveTogetherTheImagesThatEachGivesAlone) {
  std::vector<Bytes> alone;
  for (auto& request : Mixtures()) alone.push_back(Generate(std::move(request)));
  for (size_t i = 1; i < alone.size(); ++i) EXPECT_NE(alone[i][0], alone[0][0]) << "request " << i;
  const size_t evaluations_alone = control->batches().size();

  control->unet_gate.Close();  // so that all join before the second evaluation
  std::vector<Result<Images>> results(alone.size());
  auto requests = Mixtures();
  for (size_t i = 0; i < requests.size(); ++i) Paint(*pipeline, std::move(requests[i]), results[i].Done());
  control->unet_gate.AwaitArrival();
  control->unet_gate.Open();
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(ToBytes(results[i].Take()), alone[i]) << "request " << i;
  EXPECT_LT(control->batches().size() - evaluations_alone, evaluations_alone);
}

TEST_P(SteeringTest, WhatDoesNotShowIsAsIfItWereNotThere) {
  const Bytes plain = Generate(Request(5, 2, 3, {}));
  EXPECT_EQ(Generate(Request(5, 2, 3, {.control = {}, .expression = ExpressionOf(0.5f, 0), .reference = {}})), plain);
  const auto numbers = [&](Steering steering) { return Generate(Request(5, 2, 3, std::move(steering))); };
  EXPECT_NE(numbers({.control = ControlBy(30, 1), .expression = {}, .reference = {}}), plain);
  EXPECT_NE(numbers({.control = {}, .expression = ExpressionOf(0.5f, 1), .reference = {}}), plain);
  EXPECT_NE(numbers({.control = {}, .expression = {}, .reference = ReferenceOf(30, 0)}), plain);
}

TEST_P(SteeringTest, TheControlNetIsEvaluatedForItsRowsAlone) {
  control->unet_gate.Close();
  std::vector<Result<Images>> results(3);
  Paint(*pipeline, Request(1, 1, 3, {}), results[0].Done());  // waits, so that the others join
  control->unet_gate.AwaitArrival();
  Paint(*pipeline, Request(2, 1, 1, {}), results[1].Done());
  Paint(*pipeline, Request(3, 1, 3, {.control = ControlBy(30, 1), .expression = {}, .reference = {}}),
        results[2].Done());
  control->unet_gate.Open();
  for (auto& result : results) result.Take();
  const std::lock_guard lock(control->mutex);
  ASSERT_EQ(control->controlnet_batches.size(), 3u);
  for (const int64_t rows : control->controlnet_batches) {
    const auto& all = GetParam();
    EXPECT_EQ(rows, built() ? *std::lower_bound(all.begin(), all.end(), 2) : 2);
  }
  EXPECT_TRUE(
      std::any_of(control->unet_batches.begin(), control->unet_batches.end(), [](int64_t rows) { return rows >= 5; }));
}

TEST_P(SteeringTest, AReferenceIsWrittenOnceForAllImagesOfAPerson) {
  Generate(Request(1, 4, 3, {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1)}));
  EXPECT_EQ(control->writes, built() ? 1 + 3 : 1);  // what is built writes always, if only to where nobody looks
  const std::vector<int64_t> batches = control->batches();
  EXPECT_EQ(batches.size(), 1u + 3u);
  EXPECT_EQ(batches.front(), built() ? GetParam().front() : 1);
}

TEST_P(SteeringTest, EachPersonAndEachNoiseHasABankOfItsOwn) {
  GenerateRequest people = Request(1, 2, 1, {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1)});
  people.embeddings.resize(1024, 0.2f);
  people.identity_of_image = {0, 1};
  Generate(std::move(people));
  EXPECT_EQ(control->batches().size(), 2u + 3u);
  control->unet_batches.clear();
  const Bytes noisy =
      Generate(Request(1, 2, 1, {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1, Noise(2))}));
  EXPECT_EQ(control->batches().size(), 2u + 3u);
  // That of the second image is the second half.
  const std::vector<float> noise = Noise(2);
  GenerateRequest second = Request(
      2, 1, 1,
      {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1, {noise.begin() + kElements, noise.end()})});
  second.embeddings[0] = 1;  // that of seed 1
  EXPECT_EQ(Generate(std::move(second))[0], noisy[1]);
}

TEST_P(SteeringTest, BanksTakePartOnlyInBatchesThatReadThem) {
  Generate(Request(1, 1, 3, {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1)}));
  Generate(Request(1, 1, 3, {}));
  const std::lock_guard lock(control->mutex);
  const int64_t none = built() ? 4 : 0;
  EXPECT_EQ(control->bank_lengths, (std::vector<int64_t>{none, 4, 4, 4, none, none, none}));
}

TEST_P(SteeringTest, ACallThatIsCancelledWhileItsReferenceIsWrittenEndsThere) {
  control->unet_gate.Close();
  Result<Images> result;
  const auto call = Paint(
      *pipeline, Request(1, 2, 3, {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1)}), result.Done());
  control->unet_gate.AwaitArrival();
  pipeline->Cancel(call);
  EXPECT_EQ(result.Code(), ErrorCode::kCancelled);
  control->unet_gate.Open();
  EXPECT_EQ(Generate(Request(2, 1, 3, {})), Generate(Request(2, 1, 3, {})));
  EXPECT_EQ(control->batches().size(), 1u + 6u);
}

TEST_P(SteeringTest, AFaultWhileAReferenceIsWrittenFailsItsCallAlone) {
  const Bytes expected = Generate(Request(2, 1, 3, {}));
  control->fail_unet_at = control->evaluations.load();
  Result<Images> result;
  Paint(*pipeline, Request(1, 1, 3, {.control = {}, .expression = {}, .reference = ReferenceOf(30, 1)}), result.Done());
  EXPECT_EQ(result.Code(), ErrorCode::kEngineFailed);
  EXPECT_EQ(Generate(Request(2, 1, 3, {})), expected);
}

TEST(Steering, SurvivesALackOfMemoryAnywhere) {
  const auto control = std::make_shared<SteeredControl>();
  FailingDevice device;
  const auto pipeline = MakeSteeredPipeline(device, control);
  const auto request = [] {
    return Request(
        1, 2, 3, {.control = ControlBy(70, 1), .expression = ExpressionOf(0.01f, 1), .reference = ReferenceOf(210, 1)});
  };
  const auto paint = [&] {
    Result<Images> result;
    Paint(*pipeline, request(), result.Done());
    return result;
  };
  const Bytes expected = ToBytes(paint().Take());
  int failures = 0;
  for (int at = 0;; ++at) {
    device.Restart();
    device.fail_at = at;
    Result<Images> result = paint();
    Bytes images;
    try {
      images = ToBytes(result.Take());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << "allocation " << at << ": " << error.what();
      ++failures;
    }
    Drain(device);
    device.fail_at = -1;
    if (!images.empty()) {
      EXPECT_EQ(images, expected) << "allocation " << at;
      if (device.allocations() <= at) break;
    }
    EXPECT_EQ(ToBytes(paint().Take()), expected) << "after allocation " << at;
  }
  EXPECT_GT(failures, 20);
  DisposeAndWait(device, *pipeline);
}

TEST(Steering, IsRefusedBeforeAnyWorkIfItDoesNotFit) {
  const auto control = std::make_shared<SteeredControl>();
  const auto pipeline = MakeSteeredPipeline(HostDevice(), control);
  const auto refused = [&](Steering steering) {
    Result<Images> result;
    try {
      Paint(*pipeline, Request(1, 2, 3, std::move(steering)), result.Done());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      return error.details().option;
    }
    return std::string("nothing");
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refused({.control = ControlBy(1, nan), .expression = {}, .reference = {}}), "control");
  EXPECT_EQ(refused({.control = {}, .expression = ExpressionOf(nan, 1), .reference = {}}), "expression");
  EXPECT_EQ(refused({.control = {}, .expression = ExpressionOf(0, nan), .reference = {}}), "expression");
  EXPECT_EQ(refused({.control = {}, .expression = Steering::Expression{std::vector<float>(54), 1}, .reference = {}}),
            "expression");
  EXPECT_EQ(refused({.control = {}, .expression = {}, .reference = ReferenceOf(1, nan)}), "reference");
  EXPECT_EQ(refused({.control = {}, .expression = {}, .reference = ReferenceOf(1, 1, {1, 2, 3})}), "reference");
  std::vector<float> noise = Noise(2);
  noise.back() = nan;
  EXPECT_EQ(refused({.control = {}, .expression = {}, .reference = ReferenceOf(1, 1, noise)}), "reference");
  EXPECT_TRUE(control->batches().empty());
  DisposeAndWait(HostDevice(), *pipeline);
}

TEST(Steering, NeedsAModelThatCan) {
  const auto control = std::make_shared<Control>();
  const auto pipeline = MakePipeline(HostDevice(), control);
  Result<Images> result;
  for (Steering steering : {Steering{.control = ControlBy(1, 1), .expression = {}, .reference = {}},
                            Steering{.control = {}, .expression = ExpressionOf(1, 1), .reference = {}},
                            Steering{.control = {}, .expression = {}, .reference = ReferenceOf(1, 1)}}) {
    EXPECT_THROW(Paint(*pipeline, Request(1, 1, 3, std::move(steering)), result.Done()), Error);
  }
  DisposeAndWait(HostDevice(), *pipeline);
}

// Loads a model of changed networks; the name of what its error is about.
std::string Refused(const std::function<void(PipelineSource&)>& change) {
  PipelineSource source = MakeSteeredSource(std::make_shared<SteeredControl>());
  change(source);
  Interrupt interrupt;
  try {
    const auto pipeline = Pipeline::Load(HostDevice(), source, nullptr, interrupt);
    DisposeAndWait(HostDevice(), *pipeline);
    return "nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidBundle) << error.what();
    return error.details().tensor.empty() ? error.details().network : error.details().tensor;
  }
}

TEST(Steering, NeedsNetworksThatFitEachOther) {
  EXPECT_EQ(Refused([](PipelineSource&) {}), "nothing");
  EXPECT_EQ(Refused([](PipelineSource& source) { source.levels.erase("mid"); }), "mid");
  EXPECT_EQ(Refused([](PipelineSource& source) { source.levels.erase("bank_0"); }), "bank_0");
  EXPECT_EQ(Refused([](PipelineSource& source) {
              std::erase_if(source.networks, [](const NetworkSource& one) { return one.name == "controlNet"; });
            }),
            "unet");
}

}  // namespace
}  // namespace arc2face::testing
