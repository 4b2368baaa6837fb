// The pipeline over fake networks: sharing of batches, cancellation, errors and dispose, on the executor's thread and
// others.
#include "pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>

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

class PipelineTest : public ::testing::Test {
 protected:
  void TearDown() override {
    control->unet_gate.Open();
    DisposeAndWait(HostDevice(), *pipeline);
  }

  Bytes Generate(GenerateRequest request) {
    Result<Images> result;
    pipeline->Generate(std::move(request), result.Done());
    return ToBytes(result.Take());
  }

  std::shared_ptr<Control> control = std::make_shared<Control>();
  std::shared_ptr<Pipeline> pipeline = MakePipeline(HostDevice(), control);
};

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
  return requests;
}

TEST_F(PipelineTest, RequestsThatShareBatchesGiveTheSameImagesAsAlone) {
  std::vector<Bytes> alone;
  for (auto& request : DifferentRequests()) alone.push_back(Generate(std::move(request)));
  const size_t evaluations_alone = control->batches().size();

  control->unet_gate.Close();  // so that all have joined before the second evaluation
  std::vector<Result<Images>> results(alone.size());
  auto requests = DifferentRequests();
  for (size_t i = 0; i < requests.size(); ++i) pipeline->Generate(std::move(requests[i]), results[i].Done());
  control->unet_gate.AwaitArrival();
  control->unet_gate.Open();
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(ToBytes(results[i].Take()), alone[i]) << "request " << i;

  EXPECT_LT(control->batches().size() - evaluations_alone, evaluations_alone);
}

TEST_F(PipelineTest, FillsBatchesUpToThePreferredRows) {
  Generate(MakeRequest(1, 6, 2, 3));  // 12 rows a step; 8 preferred
  std::vector<int64_t> batches = control->batches();
  EXPECT_EQ(*std::max_element(batches.begin(), batches.end()), 8);
  EXPECT_EQ(std::accumulate(batches.begin(), batches.end(), int64_t{0}), 6 * 2 * 2);
}

TEST_F(PipelineTest, LeavesTheUnconditionalHalfOutAtGuidanceOneAndBelow) {
  const Bytes at_one = Generate(MakeRequest(1, 1, 2, 1));
  const Bytes below = Generate(MakeRequest(1, 1, 2, 0.5f));
  EXPECT_EQ(at_one, below);
  EXPECT_EQ(control->batches(), (std::vector<int64_t>{1, 1, 1, 1}));
}

TEST_F(PipelineTest, ReportsEveryStepInOrder) {
  Result<Images> result;
  GenerateRequest request = MakeRequest(1, 6, 5, 3);
  std::vector<uint32_t> steps;  // written on the executor's thread, read after the result came
  request.on_step = [&](uint32_t step, uint32_t of) {
    steps.push_back(step);
    EXPECT_EQ(of, 5u);
  };
  pipeline->Generate(std::move(request), result.Done());
  result.Take();
  EXPECT_EQ(steps, (std::vector<uint32_t>{1, 2, 3, 4, 5}));
}

TEST_F(PipelineTest, LatentsReplaceTheFirstDraw) {
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

TEST_F(PipelineTest, CancellingTheOnlyRequestStopsItsEvaluation) {
  control->unet_gate.Close();
  Result<Images> result;
  const auto call = pipeline->Generate(MakeRequest(1, 2, 5, 3), result.Done());
  control->unet_gate.AwaitArrival();
  pipeline->Cancel(call);
  EXPECT_EQ(result.Code(), ErrorCode::kCancelled);
  Drain(HostDevice());  // returns only if the gate let the evaluation go
  EXPECT_EQ(control->batches().size(), 1u);

  control->unet_gate.Open();
  EXPECT_EQ(Generate(MakeRequest(9, 1, 2, 3)).size(), 1u);
}

TEST_F(PipelineTest, CancellingOneOfTwoLeavesTheOtherAlone) {
  const Bytes expected = Generate(MakeRequest(2, 1, 4, 3));
  control->unet_gate.Close();
  Result<Images> first, second;
  // Both queue up behind an evaluation that holds the thread, and then share theirs.
  Result<Images> holding;
  pipeline->Generate(MakeRequest(7, 1, 1, 3), holding.Done());
  control->unet_gate.AwaitArrival();
  const auto call = pipeline->Generate(MakeRequest(1, 1, 4, 3), first.Done());
  pipeline->Generate(MakeRequest(2, 1, 4, 3), second.Done());
  control->unet_gate.Open();
  holding.Take();
  pipeline->Cancel(call);
  EXPECT_EQ(ToBytes(second.Take()), expected);
  EXPECT_TRUE(first.settled());
}

TEST_F(PipelineTest, ACallIsSettledOnce) {
  Result<Images> result;
  const auto call = pipeline->Generate(MakeRequest(1, 1, 2, 3), result.Done());
  result.Take();
  pipeline->Cancel(call);
  pipeline->Cancel(call);
  EXPECT_EQ(result.times(), 1);
}

TEST_F(PipelineTest, AFaultyEvaluationFailsItsRequestsAndLeavesTheModelUsable) {
  control->fail_unet_at = control->evaluations + 2;
  Result<Images> result;
  pipeline->Generate(MakeRequest(1, 2, 5, 3), result.Done());
  EXPECT_EQ(result.Code(), ErrorCode::kEngineFailed);
  Drain(HostDevice());
  EXPECT_EQ(result.times(), 1);
  EXPECT_EQ(Generate(MakeRequest(1, 2, 5, 3)).size(), 2u);
}

TEST_F(PipelineTest, DisposeRejectsWhatIsPendingAndEverythingAfter) {
  control->unet_gate.Close();
  Result<Images> running, queued;
  pipeline->Generate(MakeRequest(1, 1, 5, 3), running.Done());
  control->unet_gate.AwaitArrival();
  pipeline->Generate(MakeRequest(2, 1, 5, 3), queued.Done());
  DisposeAndWait(HostDevice(), *pipeline);
  EXPECT_EQ(running.Code(), ErrorCode::kDisposed);
  EXPECT_EQ(queued.Code(), ErrorCode::kDisposed);
  try {
    pipeline->Generate(MakeRequest(3, 1, 1, 3), Result<Images>().Done());
    FAIL() << "A disposed model took a call.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDisposed);
  }
}

TEST_F(PipelineTest, RefusesRequestsThatDoNotFit) {
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
      [](auto& r) { r.plan.clear(); },
      [](auto& r) { r.plan[0].assignments[0].to = kEps; },
      [](auto& r) { r.plan[1].assignments[0].to = kRegisters; },
      [](auto& r) { r.plan[0].assignment_count = kMaxAssignments + 1; },
      [&](auto& r) { r.plan[2].timestep = nan; },
      [&](auto& r) { r.initial_scale = nan; },
      [&](auto& r) { r.guidance_scale = nan; },
      [](auto& r) { r.seeds.push_back(1); },
      [](auto& r) { r.width = 0; },
      [](auto& r) { r.width = 33; },
      [](auto& r) { r.height = 1 << 20; },
      [](auto& r) { r.latents.resize(7); },
      [&](auto& r) { r.latents.assign(2 * kChannels * 16, nan); },
  };
  for (size_t i = 0; i < faults.size(); ++i) {
    EXPECT_EQ(code(faults[i]), ErrorCode::kInvalidArgument) << "fault " << i;
  }
}

TEST_F(PipelineTest, SaysThatABundleWithoutDetectorReadsNoPhotos) {
  const Photo photo{std::shared_ptr<const uint8_t[]>(new uint8_t[3]{}), 1, 1};
  try {
    pipeline->Detect(photo, {640, 0.5f}, [](auto) {});
    FAIL() << "There is no detector.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidBundle);
  }
}

TEST(PipelineMemory, EveryAllocationMayFail) {
  FailingDevice device;
  const auto control = std::make_shared<Control>();
  const auto pipeline = MakePipeline(device, control);
  const auto generate = [&] {
    Result<Images> result;
    pipeline->Generate(MakeRequest(1, 3, 2, 3, true), result.Done());
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
  EXPECT_GT(failures, 10);
  device.fail_at = -1;
  EXPECT_EQ(generate().size(), 3u);
  DisposeAndWait(device, *pipeline);
}

TEST(PipelineThreads, ManyThreadsStartCancelAndDispose) {
  for (int round = 0; round < 10; ++round) {
    const auto control = std::make_shared<Control>();
    const auto pipeline = MakePipeline(HostDevice(), control);
    std::atomic<int> settled = 0, started = 0;
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (uint64_t i = 0; i < 20; ++i) {
          try {
            const auto call =
                pipeline->Generate(MakeRequest(t * 100 + i, 1 + i % 3, 1 + i % 5, i % 2 ? 3.0f : 1.0f, i % 4 == 0),
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
    pipeline->Dispose([] {});
    Drain(HostDevice());
    EXPECT_EQ(settled, started) << "round " << round;
  }
}

}  // namespace
}  // namespace arc2face::testing
