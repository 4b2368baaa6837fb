// The pipeline over fake networks: sharing of batches, cancellation, errors and dispose, on the executors' threads and
// others; on a synchronous device and on an asynchronous one.
#include "pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <numeric>
#include <thread>
#include <tuple>

#include "fake_networks.h"

namespace arc2face::testing {
namespace {

using Images = std::vector<Image>;
using Bytes = std::vector<std::vector<uint8_t>>;

Bytes ToBytes(const Images& images) {
  Bytes bytes;
  for (const Image& image : images)
    bytes.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
  return bytes;
}

class PipelineTest : public ::testing::TestWithParam<bool> {
 protected:
  void TearDown() override {
    control->unet_gate.Open();
    DisposeAndWait(device, *pipeline);
  }

  Bytes Generate(GenerateRequest request) {
    Result<Images> result;
    Paint(*pipeline, std::move(request), result.Done());
    return ToBytes(result.Take());
  }

  FailingDevice device{GetParam()};
  std::shared_ptr<Control> control = std::make_shared<Control>();
  std::shared_ptr<Pipeline> pipeline = MakePipeline(device, control);
};
INSTANTIATE_TEST_SUITE_P(OnDevices, PipelineTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "asynchronous" : "synchronous"; });

std::vector<GenerateRequest> DifferentRequests() {
  std::vector<GenerateRequest> requests;
  requests.push_back(MakeRequest(1, 1, 5, 3));
  requests.push_back(MakeRequest(2, 3, 2, 1));
  requests.push_back(MakeRequest(3, 2, 7, 7.5f, true));
  requests.push_back(MakeRequest(4, 1, 1, 3, true));
  requests.push_back(MakeRequest(5, 5, 4, 2));
  requests.push_back(MakeRequest(6, 2, 3, 3, true, 64));
  requests.push_back(MakeRequest(7, 1, 9, 1, false, 64));
  requests.push_back(MakeRequest(8, 4, 6, 3, true));
  requests.back().seeds = {8};  // one generator for the whole batch
  requests.push_back(MakeRequest(9, 3, 5, 3, true));
  requests.back().seeds = {9};
  requests.back().guided = {0, 1, 0, 1, 1};
  requests.push_back(MakeRequest(10, 2, 4, 2));
  requests.back().guided = {1, 0, 0, 1};
  return requests;
}

// The failures of a model's calls when one network gives numbers that are not finite.
class NotFiniteTest : public ::testing::TestWithParam<const char*> {
 protected:
  // Takes a result and checks its error.
  template <typename T>
  void ExpectFault(Result<T> result, ErrorCode code) {
    try {
      result.Take();
      ADD_FAILURE() << "Nothing was thrown.";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(error.details().network, GetParam());
      EXPECT_NE(std::string(error.what()).find(GetParam()), std::string::npos) << error.what();
      EXPECT_EQ(error.details().file, control->faulty_file);
      if (code != ErrorCode::kEngineFailed) return;
      EXPECT_FALSE(error.details().tensor.empty());
      EXPECT_EQ(error.details().device, "cpu");
    }
  }

  void ExpectFaults(ErrorCode code) {
    const auto pipeline = MakePipeline(HostDevice(), control, 8, true);
    std::shared_ptr<uint8_t[]> pixels(new uint8_t[64 * 64 * 3]());
    const Photo photo{pixels, 64, 64};
    if (GetParam() == std::string("detector")) {
      Result<std::vector<Face>> faces;
      pipeline->Detect(photo, {64, 0.5f}, faces.Done());
      ExpectFault(faces, code);
    } else if (GetParam() == std::string("recognizer")) {
      Result<std::vector<float>> encoded;
      pipeline->Encode({photo, Keypoints{20, 20, 44, 20, 32, 32, 24, 44, 40, 44}}, encoded.Done());
      ExpectFault(encoded, code);
    } else if (GetParam() == std::string("inception")) {
      Result<std::vector<float>> features;
      pipeline->Features(photo, features.Done());
      ExpectFault(features, code);
    } else if (GetParam() == std::string("lpips")) {
      Result<float> distance;
      pipeline->Distance(photo, photo, distance.Done());
      ExpectFault(distance, code);
    } else {
      Result<Images> images;
      Paint(*pipeline, Edited(MakeRequest(1, 2, 3, 3), true), images.Done());
      ExpectFault(images, code);
    }
    DisposeAndWait(HostDevice(), *pipeline);
  }

  std::shared_ptr<Control> control = std::make_shared<Control>();
};
INSTANTIATE_TEST_SUITE_P(Networks, NotFiniteTest,
                         ::testing::Values("detector", "recognizer", "inception", "lpips", "textEncoder", "unet",
                                           "vaeDecoder", "vaeEncoder"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(NotFiniteTest, NamesTheNetwork) {
  control->spoiled = GetParam();
  ExpectFaults(ErrorCode::kEngineFailed);
  control->spoiled_with = -std::numeric_limits<float>::infinity();
  ExpectFaults(ErrorCode::kEngineFailed);
}

TEST_P(NotFiniteTest, BlamesTheFileWhoseWeightsAreNot) {
  control->spoiled = GetParam();
  control->faulty_file = "weights.safetensors";
  ExpectFaults(ErrorCode::kInvalidWeights);
}

TEST_P(PipelineTest, RequestsThatShareBatchesGiveTheSameImagesAsAlone) {
  std::vector<Bytes> alone;
  for (auto& request : DifferentRequests()) alone.push_back(Generate(std::move(request)));
  const size_t evaluations_alone = control->batches().size();

  control->unet_gate.Close();  // so that all join before the second evaluation
  std::vector<Result<Images>> results(alone.size());
  auto requests = DifferentRequests();
  for (size_t i = 0; i < requests.size(); ++i) Paint(*pipeline, std::move(requests[i]), results[i].Done());
  control->unet_gate.AwaitArrival();
  control->unet_gate.Open();
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(ToBytes(results[i].Take()), alone[i]) << "request " << i;

  EXPECT_LT(control->batches().size() - evaluations_alone, evaluations_alone);
}

TEST_P(PipelineTest, FillsBatchesUpToThePreferredRows) {
  Generate(MakeRequest(1, 6, 2, 3));  // 12 rows a step; 8 preferred
  std::vector<int64_t> batches = control->batches();
  EXPECT_EQ(*std::max_element(batches.begin(), batches.end()), 8);
  EXPECT_EQ(std::accumulate(batches.begin(), batches.end(), int64_t{0}), 6 * 2 * 2);
}

TEST_P(PipelineTest, LeavesTheUnconditionalHalfOutAtGuidanceOneAndBelow) {
  const Bytes at_one = Generate(MakeRequest(1, 1, 2, 1));
  const Bytes below = Generate(MakeRequest(1, 1, 2, 0.5f));
  EXPECT_EQ(at_one, below);
  EXPECT_EQ(control->batches(), (std::vector<int64_t>{1, 1, 1, 1}));
}

// A request of which only these steps are guided.
GenerateRequest Guided(GenerateRequest request, std::vector<uint8_t> steps) {
  request.guided = std::move(steps);
  return request;
}

TEST_P(PipelineTest, LeavesTheUnconditionalHalfOutInStepsThatAreNotGuided) {
  Generate(Guided(MakeRequest(1, 1, 5, 3), {0, 1, 1, 0, 1}));
  EXPECT_EQ(control->batches(), (std::vector<int64_t>{1, 2, 2, 1, 2}));
}

TEST_P(PipelineTest, AllStepsGuidedIsGuidanceAndNoneIsGuidanceOne) {
  const Bytes guided = Generate(MakeRequest(1, 2, 4, 3, true));
  const Bytes at_one = Generate(MakeRequest(1, 2, 4, 1, true));
  EXPECT_EQ(Generate(Guided(MakeRequest(1, 2, 4, 3, true), {1, 1, 1, 1})), guided);
  EXPECT_EQ(Generate(Guided(MakeRequest(1, 2, 4, 3, true), {0, 0, 0, 0})), at_one);
  const Bytes early = Generate(Guided(MakeRequest(1, 2, 4, 3, true), {1, 1, 0, 0}));
  const Bytes late = Generate(Guided(MakeRequest(1, 2, 4, 3, true), {0, 0, 1, 1}));
  EXPECT_NE(early, guided);
  EXPECT_NE(early, at_one);
  EXPECT_NE(early, late);
}

// Where a batch ends in the middle of a request, an image that needs one row could overtake one that needs two, and
// take its draw from a generator that they share.
TEST_P(PipelineTest, ImagesOfARequestDoNotOvertakeEachOther) {
  for (const std::vector<uint8_t>& steps : {std::vector<uint8_t>{1, 0, 1, 0}, {0, 1, 1, 0}, {1, 0, 0, 1}}) {
    const auto request = [&] {
      GenerateRequest made = Guided(MakeRequest(5, 4, 4, 3, true), steps);
      made.seeds = {5};
      return made;
    };
    const Bytes expected = Generate(request());
    for (const size_t rows : {2, 3, 5, 7}) {
      const auto narrow = MakePipeline(device, control, rows);
      Result<Images> result;
      Paint(*narrow, request(), result.Done());
      EXPECT_EQ(ToBytes(result.Take()), expected) << rows << " rows";
      DisposeAndWait(device, *narrow);
    }
  }
}

TEST_P(PipelineTest, ReportsEveryStepInOrder) {
  Result<Images> result;
  GenerateRequest request = MakeRequest(1, 6, 5, 3);
  std::vector<uint32_t> steps;  // written on the executor's thread, read after the result came
  request.on_step = [&](uint32_t step, uint32_t of) {
    steps.push_back(step);
    EXPECT_EQ(of, 5u);
  };
  Paint(*pipeline, std::move(request), result.Done());
  result.Take();
  EXPECT_EQ(steps, (std::vector<uint32_t>{1, 2, 3, 4, 5}));
}

TEST(Networks, ArePartsThatAreWholeOrNotThere) {
  const auto refused = [](std::vector<const char*> names) {
    std::vector<NetworkSource> sources;
    for (const char* name : names) sources.emplace_back().name = name;
    try {
      CheckComplete(sources);
      return std::string();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(refused({"textEncoder", "unet", "vaeDecoder"}), "");
  EXPECT_EQ(refused({"vaeDecoder", "unet", "textEncoder", "recognizer", "detector"}), "");
  EXPECT_EQ(refused({"textEncoder", "unet", "vaeDecoder", "vaeEncoder"}), "");
  EXPECT_EQ(refused({"textEncoder", "unet", "tinyDecoder"}), "");
  EXPECT_EQ(refused({"inception"}), "");
  EXPECT_EQ(refused({"lpips", "inception"}), "");
  EXPECT_NE(refused({"lpips", "unet"}).find("textEncoder"), std::string::npos);
  EXPECT_NE(refused({}).find("textEncoder"), std::string::npos);
  EXPECT_NE(refused({"textEncoder", "unet"}).find("vaeDecoder or tinyDecoder"), std::string::npos);
  EXPECT_NE(refused({"textEncoder", "vaeDecoder"}).find("unet"), std::string::npos);
  EXPECT_NE(refused({"textEncoder", "unet", "vaeDecoder", "detector"}).find("recognizer"), std::string::npos);
}

TEST_P(PipelineTest, DeliversEachImageAsItIsPainted) {
  // Two rows a batch, so images take turns, and the first has had three evaluations before the
  // last: on an asynchronous device, one of those is queued before anybody looks.
  const auto pipeline = MakePipeline(device, control, 2);
  constexpr int kImages = 4, kSteps = 3;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<size_t> delivered;
  bool first_came_before_the_last_evaluation = false;
  control->on_unet = [&](auto) {
    if (control->evaluations != kImages * kSteps) return;
    std::unique_lock lock(mutex);
    first_came_before_the_last_evaluation =
        changed.wait_for(lock, std::chrono::seconds(10), [&] { return !delivered.empty(); });
  };
  GenerateRequest request = MakeRequest(1, kImages, kSteps, 3);
  request.on_image = [&](size_t index, Image image) {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(image.width, 32u);
    delivered.push_back(index);
    changed.notify_all();
  };
  Result<std::monostate> result;
  pipeline->Generate(std::move(request), result.Done());
  result.Take();
  EXPECT_TRUE(first_came_before_the_last_evaluation);
  EXPECT_EQ(delivered, (std::vector<size_t>{0, 1, 2, 3}));
  DisposeAndWait(device, *pipeline);
}

// Its plan shows the latents from before the step after every second one.
GenerateRequest Shown(GenerateRequest request, LatentColours colours) {
  for (size_t i = 1; i < request.plan.steps.size(); i += 2) {
    PlanStep& step = request.plan.steps[i];
    step.assignments[step.assignment_count++] = {kPreview, {1, 0, 0, 0, 0, 0, 0, 0}};
  }
  request.preview_colours = std::move(colours);
  return request;
}

// A colour for each of three channels, and what is added.
LatentColours SomeColours() {
  LatentColours colours(3 * (kChannels + 1), 0.0f);
  colours[0] = colours[4] = colours[8] = 0.5f;
  colours[3 * kChannels] = 0.25f;
  return colours;
}

TEST_P(PipelineTest, ShowsImagesOnTheWayAndPaintsTheSame) {
  const auto requests = DifferentRequests();
  for (const LatentColours& colours : {SomeColours(), LatentColours()}) {
    size_t many = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
      const GenerateRequest& plain = requests[i];
      GenerateRequest request = Shown(plain, colours);
      const size_t images = plain.identity_of_image.size(), steps = plain.plan.steps.size();
      const auto side = static_cast<size_t>(plain.width) / (colours.empty() ? 1 : 8);
      std::vector<std::vector<uint32_t>> shown(images);
      request.on_preview = [&](size_t index, uint32_t step, Image image) {
        EXPECT_EQ(image.width, side);
        EXPECT_EQ(image.height, side);
        EXPECT_NE(image.data, nullptr);
        shown[index].push_back(step);
      };
      EXPECT_EQ(Generate(std::move(request)), Generate(plain)) << "request " << i;
      std::vector<uint32_t> expected;
      for (uint32_t step = 2; step <= steps; step += 2) expected.push_back(step);
      for (const auto& steps_of_image : shown) EXPECT_EQ(steps_of_image, expected) << "request " << i;
      many += images * expected.size();
    }
    EXPECT_GT(many, 20u);
  }
}

TEST_P(PipelineTest, APreviewIsInTheColoursOfItsLatents) {
  GenerateRequest request = Shown(MakeRequest(1, 1, 2, 1), SomeColours());
  request.plan.start.noise = 0;  // what is shown are zeros: a grey, and a quarter more red
  request.plan.steps[0].assignment_count = 0;
  std::vector<uint8_t> pixels;
  request.on_preview = [&](size_t, uint32_t, Image image) {
    pixels.assign(image.data.get(), image.data.get() + image.width * image.height * 3);
  };
  Generate(std::move(request));
  ASSERT_EQ(pixels.size(), 3u * 4 * 4);
  for (size_t i = 0; i < pixels.size(); ++i) EXPECT_EQ(pixels[i], i % 3 == 0 ? 159 : 128) << i;
}

TEST_P(PipelineTest, ACancelledCallShowsNothingMore) {
  GenerateRequest request = Shown(MakeRequest(1, 2, 1000, 3), SomeColours());
  std::atomic<bool> cancelled = false;
  std::atomic<int> before = 0, after = 0;
  request.on_preview = [&](size_t, uint32_t, Image) { ++(cancelled ? after : before); };
  // Closed there, or all steps may be over before this thread gets its turn.
  request.on_step = [&](uint32_t step, uint32_t) {
    if (step == 3) control->unet_gate.Close();
  };
  Result<Images> result;
  const auto call = Paint(*pipeline, std::move(request), result.Done());
  control->unet_gate.AwaitArrival();
  while (before == 0) std::this_thread::yield();
  if (device.asynchronous()) {
    // What is queued already may still be shown; on the other device nothing is.
    std::promise<void> idle;
    ExecutorOf(device, Lane::kPainting).Post([&] { idle.set_value(); });
    idle.get_future().wait();
  }
  pipeline->Cancel(call);
  cancelled = true;
  control->unet_gate.Open();
  EXPECT_EQ(result.Code(), ErrorCode::kCancelled);
  Drain(device);
  EXPECT_EQ(after, 0);
}

TEST_P(PipelineTest, LatentsReplaceTheFirstDraw) {
  NoiseGenerator generator(42);
  GenerateRequest given = MakeRequest(1, 1, 3, 3);
  given.latents.resize(kChannels * 4 * 4);
  generator.Draw(given.latents.data(), given.latents.size());
  EXPECT_EQ(Generate(std::move(given)), [&] {
    GenerateRequest drawn = MakeRequest(1, 1, 3, 3);
    drawn.seeds = {42};
    return Generate(std::move(drawn));
  }());
}

// One generator draws for a batch, of which all are painted, or some.
TEST_P(PipelineTest, ImagesOfABatchCanBePaintedWithoutTheOthers) {
  const auto request = [](std::vector<uint32_t> places) {
    GenerateRequest made = MakeRequest(5, static_cast<uint32_t>(places.size()), 4, 3, true);
    made.seeds = {5};
    made.noise_batch = {5, std::move(places)};
    return made;
  };
  GenerateRequest all = MakeRequest(5, 5, 4, 3, true);
  all.seeds = {5};
  const Bytes expected = Generate(std::move(all));
  EXPECT_EQ(Generate(request({0, 1, 2, 3, 4})), expected);
  for (uint32_t place = 0; place < 5; ++place) EXPECT_EQ(Generate(request({place})), Bytes{expected[place]}) << place;
  EXPECT_EQ(Generate(request({3, 1})), (Bytes{expected[3], expected[1]}));
  EXPECT_NE(expected[0], expected[1]);
}

TEST_P(PipelineTest, CancellingTheOnlyRequestStopsItsEvaluation) {
  control->unet_gate.Close();
  Result<Images> result;
  const auto call = Paint(*pipeline, MakeRequest(1, 2, 5, 3), result.Done());
  control->unet_gate.AwaitArrival();
  pipeline->Cancel(call);
  EXPECT_EQ(result.Code(), ErrorCode::kCancelled);
  Drain(device);  // returns only if the gate let the evaluation continue
  EXPECT_EQ(control->batches().size(), 1u);

  control->unet_gate.Open();
  EXPECT_EQ(Generate(MakeRequest(9, 1, 2, 3)).size(), 1u);
}

TEST_P(PipelineTest, CancellingOneOfTwoLeavesTheOtherAlone) {
  const Bytes expected = Generate(MakeRequest(2, 1, 4, 3));
  control->unet_gate.Close();
  Result<Images> first, second;
  // Both wait behind an evaluation that holds the thread, and then share theirs.
  Result<Images> holding;
  Paint(*pipeline, MakeRequest(7, 1, 1, 3), holding.Done());
  control->unet_gate.AwaitArrival();
  const auto call = Paint(*pipeline, MakeRequest(1, 1, 4, 3), first.Done());
  Paint(*pipeline, MakeRequest(2, 1, 4, 3), second.Done());
  control->unet_gate.Open();
  holding.Take();
  pipeline->Cancel(call);
  EXPECT_EQ(ToBytes(second.Take()), expected);
  EXPECT_TRUE(first.settled());
}

TEST_P(PipelineTest, CountsImagesUntilTheyArePaintedAndRowsOfWholeEvaluations) {
  EXPECT_EQ(pipeline->usage().evaluations, 0u);
  control->unet_gate.Close();
  Result<Images> cancelled;
  const auto call = Paint(*pipeline, MakeRequest(1, 2, 5, 3), cancelled.Done());
  control->unet_gate.AwaitArrival();
  EXPECT_EQ(pipeline->usage().images, 2u) << "read while the network runs";
  pipeline->Cancel(call);
  Drain(device);
  EXPECT_EQ(pipeline->usage().images, 0u);
  control->unet_gate.Open();

  const Usage before = pipeline->usage();
  Generate(MakeRequest(2, 3, 4, 3));
  const Usage after = pipeline->usage();
  EXPECT_EQ(after.images, 0u) << "when the call ends";
  EXPECT_EQ(after.steps - before.steps, 3u * 4);
  EXPECT_EQ(after.rows - before.rows, 2u * 3 * 4);
  EXPECT_EQ(after.places - before.places, (after.evaluations - before.evaluations) * pipeline->RowsOf(32, 32));
  for (const Phase phase : {Phase::kWaiting, Phase::kConditioning, Phase::kDenoising, Phase::kDecoding}) {
    EXPECT_GT(after.seconds[static_cast<size_t>(phase)], 0) << static_cast<size_t>(phase);
  }
  EXPECT_THROW(Generate(MakeRequest(3, 0, 4, 3)), Error);
  EXPECT_EQ(pipeline->usage().images, 0u) << "of a refused call";
}

// Counted in evaluations: the images of a call that is cancelled are in none that begins later.
TEST_P(PipelineTest, ACancelledCallFreesItsSlotsBeforeTheNextEvaluation) {
  constexpr uint32_t kSteps = 12, kCancelledAt = 4;
  std::shared_ptr<Call> cancelled;
  std::optional<Usage> then, later;
  control->unet_gate.Close();
  Result<Images> holding, first, second;
  // Both wait behind an evaluation that holds the thread, and then share theirs.
  Paint(*pipeline, MakeRequest(7, 1, 1, 3), holding.Done());
  control->unet_gate.AwaitArrival();
  cancelled = Paint(*pipeline, MakeRequest(1, 3, 1000, 3), first.Done());
  GenerateRequest request = MakeRequest(2, 1, kSteps, 3);
  request.on_step = [&](uint32_t step, uint32_t) {
    if (step == kCancelledAt) {
      pipeline->Cancel(cancelled);
      then = pipeline->usage();
    } else if (step == kCancelledAt + 2) {
      later = pipeline->usage();
    }
  };
  Paint(*pipeline, std::move(request), second.Done());
  control->unet_gate.Open();
  EXPECT_EQ(second.Take().size(), 1u);
  ASSERT_TRUE(then && later);
  EXPECT_GT(then->rows, 2 * then->evaluations) << "they shared evaluations";
  // Not the three that were cancelled; the first may not have been handed out yet.
  EXPECT_LE(later->images, 2u);
  const Usage end = pipeline->usage();
  EXPECT_GT(end.evaluations, then->evaluations);
  EXPECT_EQ(end.rows - then->rows, 2 * (end.evaluations - then->evaluations)) << "those of the other call alone";
}

TEST_P(PipelineTest, ACallIsSettledOnce) {
  Result<Images> result;
  const auto call = Paint(*pipeline, MakeRequest(1, 1, 2, 3), result.Done());
  result.Take();
  pipeline->Cancel(call);
  pipeline->Cancel(call);
  EXPECT_EQ(result.times(), 1);
}

TEST_P(PipelineTest, AFaultyEvaluationFailsItsRequestsAndLeavesTheModelUsable) {
  control->fail_unet_at = control->evaluations + 2;
  Result<Images> result;
  Paint(*pipeline, MakeRequest(1, 2, 5, 3), result.Done());
  EXPECT_EQ(result.Code(), ErrorCode::kEngineFailed);
  Drain(device);
  EXPECT_EQ(result.times(), 1);
  EXPECT_EQ(Generate(MakeRequest(1, 2, 5, 3)).size(), 2u);
}

TEST_P(PipelineTest, DisposeRejectsWhatIsPendingAndEverythingAfter) {
  control->unet_gate.Close();
  Result<Images> running, queued;
  Paint(*pipeline, MakeRequest(1, 1, 5, 3), running.Done());
  control->unet_gate.AwaitArrival();
  Paint(*pipeline, MakeRequest(2, 1, 5, 3), queued.Done());
  DisposeAndWait(device, *pipeline);
  EXPECT_EQ(running.Code(), ErrorCode::kDisposed);
  EXPECT_EQ(queued.Code(), ErrorCode::kDisposed);
  EXPECT_EQ(pipeline->usage().images, 0u);
  EXPECT_EQ(pipeline->RowsOf(32, 32), 0u);
  try {
    Paint(*pipeline, MakeRequest(3, 1, 1, 3), Result<Images>().Done());
    FAIL() << "A disposed model took a call.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDisposed);
  }
}

TEST_P(PipelineTest, RefusesRequestsThatDoNotFit) {
  const auto code = [&](const std::function<void(GenerateRequest&)>& spoil) {
    GenerateRequest request = MakeRequest(1, 2, 3, 3);
    spoil(request);
    try {
      pipeline->Generate(std::move(request), [](auto) { FAIL() << "A refused call was settled."; });
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kEngineFailed;
  };
  const float nan = std::nanf("");
  const std::vector<std::function<void(GenerateRequest&)>> faults = {
      [](auto& r) { r.embeddings.pop_back(); },
      [](auto& r) { r.embeddings.clear(); },
      [](auto& r) { r.embeddings.assign(512, 0.0f); },
      [&](auto& r) { r.embeddings[3] = nan; },
      [](auto& r) { r.identity_of_image[1] = 1; },
      [](auto& r) { r.identity_of_image.clear(); },
      [](auto& r) { r.plan.steps.clear(); },
      [](auto& r) { r.plan.steps[0].assignments[0].to = kEps; },
      [](auto& r) { r.plan.steps[1].assignments[0].to = kRegisters; },
      [](auto& r) { r.plan.steps[0].assignment_count = kMaxAssignments + 1; },
      [&](auto& r) { r.plan.steps[2].timestep = nan; },
      [&](auto& r) { r.plan.start.noise = nan; },
      [&](auto& r) { r.plan.steps[0].kept.latents = nan; },
      [&](auto& r) { r.plan.steps[1].kept.noise = nan; },
      [](auto& r) { r.plan.start.latents = 0.5f; },  // there are none to weigh
      [&](auto& r) { r.guidance_scale = nan; },
      [](auto& r) { r.guided = {1, 0}; },  // of three steps
      [](auto& r) { r.guided = {1, 0, 2}; },
      [](auto& r) { r.seeds.push_back(1); },
      [](auto& r) { r.noise_batch = {2, {0, 1}}; },  // two seeds
      [](auto& r) { r.seeds = {1}, r.noise_batch = {2, {0, 2}}; },
      [](auto& r) { r.seeds = {1}, r.noise_batch = {2, {0}}; },
      [](auto& r) { r.width = 0; },
      [](auto& r) { r.width = 33; },
      [](auto& r) { r.height = 1 << 20; },
      [](auto& r) { r.preview_colours.assign(3 * kChannels, 1.0f); },
      [&](auto& r) { r.preview_colours.assign(3 * (kChannels + 1), nan); },
      [](auto& r) { r.latents.resize(7); },
      [&](auto& r) { r.latents.assign(2 * kChannels * 16, nan); },
      [](auto& r) { r = Edited(std::move(r), false); },  // there is no network for it
  };
  for (size_t i = 0; i < faults.size(); ++i) {
    EXPECT_EQ(code(faults[i]), ErrorCode::kInvalidArgument) << "fault " << i;
  }
}

TEST_P(PipelineTest, SaysThatABundleWithoutDetectorReadsNoPhotos) {
  const Photo photo{std::shared_ptr<const uint8_t[]>(new uint8_t[3]{}), 1, 1};
  try {
    pipeline->Detect(photo, {640, 0.5f}, [](auto) {});
    FAIL() << "There is no detector.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidBundle);
  }
}

// Networks built for some shapes, like engines.
class BuiltPipeline : public PipelineTest {
 protected:
  // Instead of the pipeline for any shape.
  void Build(std::vector<int64_t> rows) {
    DisposeAndWait(device, *pipeline);
    control->unet_rows = std::move(rows);
    pipeline = MakePipeline(device, control, SIZE_MAX);
  }
  std::string Refusal(GenerateRequest request) {
    try {
      pipeline->Generate(std::move(request), [](auto) { FAIL() << "A refused call was settled."; });
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "nothing thrown";
    return "";
  }
};
INSTANTIATE_TEST_SUITE_P(OnDevices, BuiltPipeline, ::testing::Bool());

TEST_P(BuiltPipeline, RoundsABatchUpAndPaintsTheSameImages) {
  const auto requests = [] {
    std::vector<GenerateRequest> all;
    for (uint32_t images = 1; images <= 9; ++images)
      all.push_back(MakeRequest(images, images, 3, images % 2 ? 1 : 3, true));
    return all;
  };
  std::vector<Bytes> expected;
  for (auto& request : requests()) expected.push_back(Generate(std::move(request)));
  Build({2, 8, 4});
  const size_t before = control->batches().size();
  auto again = requests();
  for (size_t i = 0; i < again.size(); ++i) EXPECT_EQ(Generate(std::move(again[i])), expected[i]) << i + 1 << " images";
  const std::vector<int64_t> batches = control->batches();
  // One image, two of four rows, three, four of eight rows: the batch above each; nine take turns in the largest.
  EXPECT_EQ((std::vector<int64_t>(batches.begin() + before, batches.begin() + before + 12)),
            (std::vector<int64_t>{2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 8, 8}));
  EXPECT_TRUE(std::all_of(batches.begin() + before, batches.end(),
                          [](int64_t rows) { return rows == 2 || rows == 4 || rows == 8; }));
}

// The batch stays the same, at the same addresses, whether or not the step that comes is guided.
TEST_P(BuiltPipeline, StepsWithAndWithoutGuidanceTakeTurnsInOneBatch) {
  const auto requests = [] {
    std::vector<GenerateRequest> all;
    all.push_back(Guided(MakeRequest(1, 1, 6, 3), {1, 0, 1, 1, 0, 0}));
    all.push_back(Guided(MakeRequest(2, 1, 6, 3), {0, 1, 0, 0, 1, 1}));
    return all;
  };
  std::vector<Bytes> expected;
  for (auto& request : requests()) expected.push_back(Generate(std::move(request)));
  for (const int64_t rows : {2, 4}) {
    Build({rows});
    auto alone = requests();
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(Generate(std::move(alone[i])), expected[i]) << rows << " rows";
    auto together = requests();
    control->unet_gate.Close();  // so that both join before the second evaluation
    Result<Images> results[2];
    for (size_t i = 0; i < together.size(); ++i) Paint(*pipeline, std::move(together[i]), results[i].Done());
    control->unet_gate.AwaitArrival();
    control->unet_gate.Open();
    for (size_t i = 0; i < together.size(); ++i) EXPECT_EQ(ToBytes(results[i].Take()), expected[i]) << rows << " rows";
  }
}

TEST_P(BuiltPipeline, RowsThatNoImageHasAreZeros) {
  Build({4});
  std::atomic<size_t> used = 4, seen = 0;
  control->on_unet = [&](std::span<const Tensor> inputs) {
    for (const Tensor& input : inputs) {
      size_t row = 1;
      for (size_t axis = 1; axis < input.shape.size(); ++axis) row *= static_cast<size_t>(input.shape[axis]);
      const float* values = Floats(input);
      for (size_t i = used * row; i < 4 * row; ++i) seen += values[i] != 0 ? 1 : 0;  // NaN counts too
      for (size_t r = 0; r < used; ++r) EXPECT_NE(values[r * row], 0) << "row " << r;
    }
  };
  // Nothing that the last batch left in a row remains in the next.
  for (const uint32_t images : {4u, 3u, 4u, 1u, 2u}) {
    used = images;
    Generate(MakeRequest(images, images, 3, 1, true));
  }
  EXPECT_EQ(seen, 0u);
}

TEST_P(BuiltPipeline, RefusesOtherSizesBeforeAnyWork) {
  Build({1, 2});
  const std::string text = Refusal(MakeRequest(1, 1, 2, 3, false, 64));
  EXPECT_NE(text.find("(32 x 32) but received 64 x 64"), std::string::npos) << text;
  EXPECT_TRUE(control->batches().empty());
  EXPECT_EQ(Generate(MakeRequest(1, 1, 2, 3)).size(), 1u);
}

TEST_P(BuiltPipeline, RefusesGuidanceWhereABatchHasOneRow) {
  Build({1});
  EXPECT_NE(Refusal(MakeRequest(1, 1, 2, 3)).find("guidanceScale"), std::string::npos);
  EXPECT_NE(Refusal(Guided(MakeRequest(1, 1, 2, 3), {0, 1})).find("guidanceScale"), std::string::npos);
  EXPECT_EQ(Generate(MakeRequest(1, 2, 2, 1)).size(), 2u);
  EXPECT_EQ(Generate(Guided(MakeRequest(1, 2, 2, 3), {0, 0})).size(), 2u);
}

TEST_P(BuiltPipeline, RefusesAnEngineForAnotherPrompt) {
  DisposeAndWait(device, *pipeline);
  control->unet_rows = {1};
  PipelineSource source = MakeSource(control);
  source.prompt = {{1, 2, 3, 4}, {1, 3, 3, 3}, 1};
  Interrupt interrupt;
  try {
    Pipeline::Load(device, source, nullptr, interrupt);
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidBundle) << error.what();
  }
}

Photo GrayPhoto() {
  std::shared_ptr<uint8_t[]> data(new uint8_t[64 * 64 * 3]);
  std::fill_n(data.get(), 64 * 64 * 3, uint8_t{100});
  return {data, 64, 64};
}

class FacePipeline : public ::testing::TestWithParam<bool> {
 protected:
  void TearDown() override {
    control->unet_gate.Open();
    DisposeAndWait(device, *pipeline);
  }

  FailingDevice device{GetParam()};
  std::shared_ptr<Control> control = std::make_shared<Control>();
  std::shared_ptr<Pipeline> pipeline = MakePipeline(device, control, 8, true);
};
INSTANTIATE_TEST_SUITE_P(OnDevices, FacePipeline, ::testing::Bool());

TEST_P(FacePipeline, RefusesOtherDetectionSizesBeforeAnyWork) {
  try {
    pipeline->Detect(GrayPhoto(), {32, 0.5f}, [](auto) { FAIL(); });
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("(64) but received 32"), std::string::npos) << error.what();
  }
  Result<std::vector<Face>> faces;
  pipeline->Detect(GrayPhoto(), {64, 0.5f}, faces.Done());
  EXPECT_TRUE(faces.Take().empty());
}

// An asynchronous device reads photos and paints while another image is denoised.
TEST(PipelineLanes, PhotosAreReadAndImagesPaintedBesideDenoising) {
  FailingDevice device(true);
  const auto control = std::make_shared<Control>();
  const auto pipeline = MakePipeline(device, control, 1, true);
  Result<Images> first, second;
  // The second image's steps wait at the gate once the first is done.
  std::atomic<bool> first_done = false;
  GenerateRequest request = MakeRequest(1, 1, 3, 1);
  request.on_step = [&](uint32_t step, uint32_t steps) {
    if (step == steps && !first_done.exchange(true)) control->unet_gate.Close();
  };
  Paint(*pipeline, std::move(request), first.Done());
  Paint(*pipeline, MakeRequest(2, 1, 1000, 1), second.Done());
  EXPECT_EQ(first.Take().size(), 1u);
  control->unet_gate.AwaitArrival();

  Result<std::vector<Face>> faces;
  pipeline->Detect(GrayPhoto(), {64, 0.5f}, faces.Done());
  EXPECT_TRUE(faces.Take().empty());
  Result<std::vector<float>> embedding;
  pipeline->Encode({GrayPhoto(), Keypoints{20, 20, 40, 20, 30, 30, 22, 40, 38, 40}}, embedding.Done());
  EXPECT_EQ(embedding.Take().size(), 512u);
  EXPECT_FALSE(second.settled());
  DisposeAndWait(device, *pipeline);
  EXPECT_EQ(second.Code(), ErrorCode::kDisposed);
}

// A model that only judges images.
class JudgePipeline : public ::testing::TestWithParam<bool> {
 protected:
  static std::shared_ptr<Pipeline> Load(Device& device, const std::shared_ptr<Control>& control) {
    PipelineSource source;
    source.provider = std::make_shared<FakeProvider>(control);
    for (const NetworkRow& row : {networks::kInception, networks::kLpips})
      source.networks.emplace_back().name = row.name;
    Interrupt interrupt;
    return Pipeline::Load(device, source, nullptr, interrupt);
  }
  // In one colour.
  static Photo Image(std::array<uint8_t, 3> colour, int width, int height) {
    const auto pixels = std::make_shared<std::vector<uint8_t>>();
    for (int i = 0; i < width * height; ++i) pixels->insert(pixels->end(), colour.begin(), colour.end());
    return {std::shared_ptr<const uint8_t[]>(pixels, pixels->data()), width, height};
  }
  template <typename Start>
  static void ExpectRefusal(ErrorCode code, const std::string& text, const Start& start) {
    try {
      start();
      ADD_FAILURE() << "nothing thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
  void TearDown() override {
    control->judge_gate.Open();
    DisposeAndWait(device, *pipeline);
  }

  FailingDevice device{GetParam()};
  std::shared_ptr<Control> control = std::make_shared<Control>();
  std::shared_ptr<Pipeline> pipeline = Load(device, control);
};
INSTANTIATE_TEST_SUITE_P(OnDevices, JudgePipeline, ::testing::Bool());

TEST_P(JudgePipeline, GivesNetworksThePixelsAsPlanes) {
  Result<std::vector<float>> features;
  pipeline->Features(Image({255, 0, 7}, 3, 2), features.Done());
  EXPECT_EQ(features.Take(), (std::vector<float>{255, 0, 7}));
  Result<float> distance;
  pipeline->Distance(Image({200, 0, 0}, 31, 40), Image({50, 0, 0}, 31, 40), distance.Done());
  EXPECT_EQ(distance.Take(), 150);
}

TEST_P(JudgePipeline, RefusesWhatItHasNoNetworksFor) {
  const auto unused = [](auto) { FAIL(); };
  ExpectRefusal(ErrorCode::kInvalidBundle, "unet", [&] { pipeline->Generate(MakeRequest(1, 1, 1, 1), unused); });
  ExpectRefusal(ErrorCode::kInvalidBundle, "antelopev2", [&] { pipeline->Detect(GrayPhoto(), {64, 0.5f}, unused); });
  const auto painter = MakePipeline(device, control);
  ExpectRefusal(ErrorCode::kInvalidBundle, "inception", [&] { painter->Features(GrayPhoto(), unused); });
  ExpectRefusal(ErrorCode::kInvalidBundle, "lpips", [&] { painter->Distance(GrayPhoto(), GrayPhoto(), unused); });
  DisposeAndWait(device, *painter);
}

TEST_P(JudgePipeline, RefusesPairsOfOtherSizes) {
  const auto unused = [](auto) { FAIL(); };
  const Photo image = Image({1, 2, 3}, 40, 31);
  ExpectRefusal(ErrorCode::kInvalidImage, "40 x 31 and 31 x 40",
                [&] { pipeline->Distance(image, Image({1, 2, 3}, 31, 40), unused); });
  const Photo small = Image({1, 2, 3}, 40, 30);
  ExpectRefusal(ErrorCode::kInvalidImage, "at least 31", [&] { pipeline->Distance(small, small, unused); });
  ExpectRefusal(ErrorCode::kInvalidImage, "0 x 1", [&] { pipeline->Features({nullptr, 0, 1}, unused); });
}

TEST_P(JudgePipeline, StopsWhenCancelledOrDisposed) {
  control->judge_gate.Close();
  Result<std::vector<float>> cancelled, disposed;
  const auto call = pipeline->Features(GrayPhoto(), cancelled.Done());
  control->judge_gate.AwaitArrival();
  pipeline->Cancel(call);
  EXPECT_EQ(cancelled.Code(), ErrorCode::kCancelled);
  pipeline->Features(GrayPhoto(), disposed.Done());
  DisposeAndWait(device, *pipeline);
  EXPECT_EQ(disposed.Code(), ErrorCode::kDisposed);
}

class PipelineMemory : public ::testing::TestWithParam<std::tuple<bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(OnDevices, PipelineMemory, ::testing::Combine(::testing::Bool(), ::testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) ? "asynchronous" : "synchronous") +
                                  (std::get<1>(info.param) ? "_editing" : "");
                         });

TEST_P(PipelineMemory, EveryAllocationMayFail) {
  const auto [asynchronous, edits] = GetParam();
  FailingDevice device(asynchronous);
  const auto control = std::make_shared<Control>();
  const auto pipeline = MakePipeline(device, control, 8, true);
  const auto generate = [&, edits = edits] {
    Result<Images> result;
    GenerateRequest request = Shown(MakeRequest(1, 3, 2, 3, true), edits ? SomeColours() : LatentColours());
    request.on_preview = [](size_t, uint32_t, Image) {};
    Paint(*pipeline, edits ? Edited(std::move(request), true) : std::move(request), result.Done());
    return ToBytes(result.Take());
  };
  // Once for every allocation of the first call, which also fills what is kept between calls; then until nothing fails.
  int failures = 0;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 200);
    device.Restart();
    device.fail_at = n;
    try {
      generate();
      break;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << "allocation " << n;
      ++failures;
    }
    Drain(device);
  }
  EXPECT_GT(failures, edits ? 15 : 10);
  device.fail_at = -1;
  EXPECT_EQ(generate().size(), 3u);
  DisposeAndWait(device, *pipeline);
}

class PipelineThreads : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(OnDevices, PipelineThreads, ::testing::Bool());

TEST_P(PipelineThreads, ManyThreadsStartCancelAndDispose) {
  FailingDevice device(GetParam());
  for (int round = 0; round < 10; ++round) {
    const auto control = std::make_shared<Control>();
    const auto pipeline = MakePipeline(device, control);
    std::atomic<int> settled = 0, started = 0;
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (uint64_t i = 0; i < 20; ++i) {
          try {
            const auto call =
                Paint(*pipeline, MakeRequest(t * 100 + i, 1 + i % 3, 1 + i % 5, i % 2 ? 3.0f : 1.0f, i % 4 == 0),
                      [&](auto) { ++settled; });
            ++started;
            if ((i + t) % 3 == 0) pipeline->Cancel(call);
          } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::kDisposed);
          }
        }
      });
    }
    if (round % 2 == 0) pipeline->Dispose([] {});
    for (auto& thread : threads) thread.join();
    DisposeAndWait(device, *pipeline);
    EXPECT_EQ(settled, started) << "round " << round;
  }
}

}  // namespace
}  // namespace arc2face::testing
