// The denoiser over a predictor without a network: slots, plans and batches do not know where eps comes from.
#include "pipeline/denoiser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace arc2face::testing {
namespace {

constexpr LatentSize kSize{4, 2, 3};

// eps of a row is sample + timestep + the row's conditioning.
class SumPredictor final : public NoisePredictor {
 public:
  SumPredictor(std::vector<size_t> built, std::vector<size_t>& evaluated)
      : batch_sizes_({{{kSize.height, kSize.width}, std::move(built)}}, [](int64_t, int64_t) { return size_t{4}; }),
        evaluated_(evaluated) {}
  int64_t latent_channels() const noexcept override { return kSize.channels; }
  const BatchSizes& batch_sizes() const noexcept override { return batch_sizes_; }
  std::unique_ptr<PredictorBatch> MakeBatch(const LatentSize& size, size_t rows) override {
    return std::make_unique<Batch>(size.elements(), rows, evaluated_);
  }
  Error NotFinite() const override { return Error(ErrorCode::kEngineFailed, "eps is not finite"); }

 private:
  class Batch final : public PredictorBatch {
   public:
    Batch(size_t elements, size_t rows, std::vector<size_t>& evaluated)
        : elements_(elements),
          sample_(rows * elements),
          timesteps_(rows),
          conditioning_(rows),
          eps_(rows * elements),
          evaluated_(evaluated) {}
    NetworkFloats sample() const noexcept override { return const_cast<float*>(sample_.data()); }
    float* timesteps() const noexcept override { return const_cast<float*>(timesteps_.data()); }
    ConstNetworkFloats eps() const noexcept override { return eps_.data(); }
    void Condition(size_t row, const RowConditioning& conditioning) override {
      std::memcpy(&conditioning_[row], conditioning.text, sizeof(float));
    }
    void Clear(size_t first) override {
      std::fill(conditioning_.begin() + static_cast<std::ptrdiff_t>(first), conditioning_.end(), 0.0f);
    }
    void Predict(Interrupt&) override {
      evaluated_.push_back(conditioning_.size());
      for (size_t i = 0; i < eps_.size(); ++i) {
        eps_[i] = sample_[i] + timesteps_[i / elements_] + conditioning_[i / elements_];
      }
    }

   private:
    size_t elements_;
    std::vector<float> sample_, timesteps_, conditioning_, eps_;
    std::vector<size_t>& evaluated_;
  };

  BatchSizes batch_sizes_;
  std::vector<size_t>& evaluated_;
};

// latents = latents + eps, twice.
Plan AddingPlan() {
  Plan plan{{.latents = 0, .noise = 1}, std::vector<PlanStep>(2)};
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    plan.steps[i] = {.timestep = 10.0f * static_cast<float>(i + 1),
                     .input_scale = 0,
                     .draws_noise = 0,
                     .assignment_count = 1,
                     .assignments = {{kLatents, {1, 1, 0, 0, 0, 0, 0, 0}}}};
  }
  return plan;
}

TEST(Denoiser, GivesEveryRowItsOwnConditioningInBatchesThatThePredictorTakes) {
  std::vector<size_t> evaluated;
  const auto stream = HostDevice().MakeStream();
  UsageCounter usage;
  Denoiser denoiser(HostDevice(), *stream, std::make_unique<SumPredictor>(std::vector<size_t>{3, 1}, evaluated), usage);

  const std::array<float, 3> conditioned_on = {1, 2, 4};
  const float unconditional = 0.5f;
  const auto conditioning = [](const float& number) {
    return RowConditioning{reinterpret_cast<const std::byte*>(&number)};
  };
  std::vector<std::vector<float>> latents(conditioned_on.size());
  const auto join = [&](size_t first, size_t images, bool guided) {
    auto request = std::make_shared<DenoiseRequest>(DenoiseRequest{
        .size = kSize,
        .plan = AddingPlan(),
        .guidance_scale = 2,
        .noise = NoiseSource({1}, images, kSize.elements()),
        .initial_noise = std::vector<float>(images * kSize.elements(), 100),
        .conditioning = {},
        .unconditional = {},
        .on_step = [](uint32_t) {},
        .on_latents =
            [&latents, first](size_t image, DeviceBuffer<float> done) {
              latents[first + image].assign(done.data(), done.data() + kSize.elements());
            },
        .on_failure = [](const std::exception_ptr& error) { std::rethrow_exception(error); },
        .abandoned = [] { return false; },
    });
    for (size_t i = 0; i < images; ++i) request->conditioning.push_back(conditioning(conditioned_on[first + i]));
    if (guided) request->unconditional = conditioning(unconditional);
    denoiser.Join(request);
  };
  join(0, 2, false);
  join(2, 1, true);
  while (denoiser.Step()) {
  }

  // 100, and in each of two steps the timestep and the row's conditioning; guided: 0.5 + 2 (4 - 0.5).
  EXPECT_EQ(latents[0], std::vector<float>(kSize.elements(), 100 + 30 + 2 * 1));
  EXPECT_EQ(latents[1], std::vector<float>(kSize.elements(), 100 + 30 + 2 * 2));
  EXPECT_EQ(latents[2], std::vector<float>(kSize.elements(), 100 + 30 + 2 * 7.5f));
  // Eight rows in all: the first two leave a place empty, because the guided image needs two.
  EXPECT_EQ(evaluated, (std::vector<size_t>{3, 3, 3}));
  const Usage used = usage.Read();
  EXPECT_EQ(used.evaluations, 3u);
  EXPECT_EQ(used.rows, 8u);
  EXPECT_EQ(used.places, 9u);
  EXPECT_EQ(used.steps, 6u) << "a guided image's two rows are one step";
}

TEST(Denoiser, BeginsAsAPhotoAndKeepsOfItWhatTheMaskKeeps) {
  std::vector<size_t> evaluated;
  const auto stream = HostDevice().MakeStream();
  UsageCounter usage;
  Denoiser denoiser(HostDevice(), *stream, std::make_unique<SumPredictor>(std::vector<size_t>{4}, evaluated), usage);
  const size_t elements = kSize.elements();
  const float conditioned_on = 1;
  Plan plan = AddingPlan();
  plan.start = {.latents = 0.5f, .noise = 2};
  plan.steps[0].kept = {.latents = 1, .noise = 0};
  plan.steps[1].kept = {.latents = 0.25f, .noise = 4};
  std::vector<float> mask(elements, 1);
  mask[3] = mask[5] = 0;
  std::vector<std::vector<float>> latents(2);
  for (const bool masked : {true, false}) {
    denoiser.Join(std::make_shared<DenoiseRequest>(DenoiseRequest{
        .size = kSize,
        .plan = plan,
        .guidance_scale = 1,
        .noise = NoiseSource({1}, 1, elements),
        .initial_noise = std::vector<float>(elements, 10),
        .photos = std::vector<float>(elements, 100),
        .masks = masked ? mask : std::vector<float>(),
        .conditioning = {RowConditioning{reinterpret_cast<const std::byte*>(&conditioned_on)}},
        .unconditional = {},
        .on_step = [](uint32_t) {},
        .on_latents =
            [&latents, masked](size_t, DeviceBuffer<float> done) {
              latents[masked].assign(done.data(), done.data() + kSize.elements());
            },
        .on_failure = [](const std::exception_ptr& error) { std::rethrow_exception(error); },
        .abandoned = [] { return false; },
    }));
  }
  while (denoiser.Step()) {
  }
  // 0.5 * 100 + 2 * 10, and in each of two steps the timestep and the conditioning.
  std::vector<float> expected(elements, 70 + 30 + 2);
  EXPECT_EQ(latents[false], expected);
  expected[3] = expected[5] = 0.25f * 100 + 4 * 10;
  EXPECT_EQ(latents[true], expected);
  EXPECT_EQ(evaluated, (std::vector<size_t>{4, 4})) << "with and without a mask share batches";
}

TEST(Denoiser, ShowsWhatIsExpectedOfEachImageAfterTheStepsWhosePlanSaysSo) {
  std::vector<size_t> evaluated;
  const auto stream = HostDevice().MakeStream();
  UsageCounter usage;
  Denoiser denoiser(HostDevice(), *stream, std::make_unique<SumPredictor>(std::vector<size_t>{4}, evaluated), usage);
  const size_t elements = kSize.elements();
  const std::array<float, 2> conditioned_on = {1, 2};
  Plan plan = AddingPlan();
  // The latents from before the step, and half of eps.
  Plan showing = plan;
  showing.steps[1].assignment_count = 2;
  showing.steps[1].assignments[1] = {kPreview, {1, 0.5f, 0, 0, 0, 0, 0, 0}};
  std::vector<float> mask(2 * elements, 1);
  mask[elements + 3] = 0;  // of the second image
  std::vector<std::vector<float>> latents(4);
  std::vector<std::string> told;
  std::vector<std::vector<float>> previews(2);
  for (const bool shows : {true, false}) {
    denoiser.Join(std::make_shared<DenoiseRequest>(DenoiseRequest{
        .size = kSize,
        .plan = shows ? showing : plan,
        .guidance_scale = 1,
        .noise = NoiseSource({1}, 2, elements),
        .initial_noise = std::vector<float>(2 * elements, 100),
        .photos = std::vector<float>(2 * elements, 7),
        .masks = mask,
        .conditioning = {RowConditioning{reinterpret_cast<const std::byte*>(&conditioned_on[0])},
                         RowConditioning{reinterpret_cast<const std::byte*>(&conditioned_on[1])}},
        .unconditional = {},
        .on_step = [](uint32_t) {},
        .on_preview =
            [&, shows](size_t image, uint32_t step, std::vector<float> preview) {
              EXPECT_TRUE(shows);
              told.push_back("image " + std::to_string(image) + " after " + std::to_string(step));
              previews[image] = std::move(preview);
            },
        .on_latents =
            [&, shows](size_t image, DeviceBuffer<float> done) {
              if (shows) told.push_back("image " + std::to_string(image));
              latents[2 * shows + image].assign(done.data(), done.data() + elements);
            },
        .on_failure = [](const std::exception_ptr& error) { std::rethrow_exception(error); },
        .abandoned = [] { return false; },
    }));
  }
  while (denoiser.Step()) {
  }
  EXPECT_EQ(told, (std::vector<std::string>{"image 0 after 2", "image 0", "image 1 after 2", "image 1"}));
  // 100 and the first step's timestep and conditioning; then half of the second's.
  EXPECT_EQ(previews[0], std::vector<float>(elements, 100 + 11 + 0.5f * 21));
  std::vector<float> second(elements, 100 + 12 + 0.5f * 22);
  second[3] = 7;  // the photo's
  EXPECT_EQ(previews[1], second);
  EXPECT_EQ(latents[2], latents[0]);
  EXPECT_EQ(latents[3], latents[1]);
  EXPECT_EQ(evaluated, (std::vector<size_t>{4, 4})) << "with and without previews share batches";
}

// Requests of one image each that share batches; returns each one's first latent, or why there is none.
std::vector<std::string> Denoise(const std::vector<const float*>& conditioned_on, Plan plan) {
  std::vector<size_t> evaluated;
  const auto stream = HostDevice().MakeStream();
  UsageCounter usage;
  Denoiser denoiser(HostDevice(), *stream, std::make_unique<SumPredictor>(std::vector<size_t>{4}, evaluated), usage);
  std::vector<std::string> results(conditioned_on.size());
  for (size_t i = 0; i < conditioned_on.size(); ++i) {
    std::string& result = results[i];
    denoiser.Join(std::make_shared<DenoiseRequest>(DenoiseRequest{
        .size = kSize,
        .plan = plan,
        .guidance_scale = 1,
        .noise = NoiseSource({1}, 1, kSize.elements()),
        .initial_noise = std::vector<float>(kSize.elements(), 100),
        .conditioning = {RowConditioning{reinterpret_cast<const std::byte*>(conditioned_on[i])}},
        .unconditional = {},
        .on_step = [](uint32_t) {},
        .on_latents = [&](size_t, DeviceBuffer<float> done) { result += std::to_string(std::lround(*done.data())); },
        .on_failure =
            [&](const std::exception_ptr& error) {
              try {
                std::rethrow_exception(error);
              } catch (const Error& known) {
                result += known.what();
              }
            },
        .abandoned = [&] { return !result.empty(); },
    }));
  }
  while (denoiser.Step()) {
  }
  results.push_back(std::to_string(evaluated.size()) + " evaluations");
  return results;
}

TEST(Denoiser, FailsOnlyTheImageWhoseNumbersAreNotFinite) {
  const float one = 1, nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Denoise({&one, &nan, &one}, AddingPlan()),
            (std::vector<std::string>{"132", "eps is not finite", "132", "2 evaluations"}));
}

TEST(Denoiser, StopsAfterTheFirstEvaluationThatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Denoise({&infinity}, AddingPlan()), (std::vector<std::string>{"eps is not finite", "1 evaluations"}));
}

TEST(Denoiser, FindsWhatGrowsTooLargeOnTheWay) {
  const float half_of_the_largest = 0x1p127f;
  EXPECT_EQ(Denoise({&half_of_the_largest}, AddingPlan()),
            (std::vector<std::string>{"eps is not finite", "2 evaluations"}));
}

TEST(BatchSizes, TakesTheLargestThatWasBuiltUpToWhatIsPreferredAndAtLeastTheLeast) {
  const auto sizes = [](std::vector<size_t> built, size_t preferred) {
    return BatchSizes({{{2, 3}, std::move(built)}}, [preferred](int64_t, int64_t) { return preferred; });
  };
  EXPECT_EQ(sizes({8, 2, 4}, 5).Capacity(kSize), 4u);
  EXPECT_EQ(sizes({8, 2, 4}, 4).Capacity(kSize), 4u);
  EXPECT_EQ(sizes({8, 2, 4}, 9).Capacity(kSize), 8u);
  EXPECT_EQ(sizes({8, 4}, 2).Capacity(kSize), 4u);
  EXPECT_EQ(sizes({1}, 8).Capacity(kSize), 1u);
  EXPECT_EQ(sizes({8, 2, 4}, 1).Capacity(kSize), 2u);  // guidance needs two
  EXPECT_EQ(sizes({8, 2, 4}, 8).RoundUp(kSize, 3), 4u);
  EXPECT_EQ(sizes({8, 2, 4}, 8).RoundUp(kSize, 8), 8u);
  // Nothing was built for another size, so any number runs.
  EXPECT_EQ(sizes({8, 2, 4}, 5).Capacity({4, 9, 9}), 5u);
  EXPECT_EQ(sizes({8, 2, 4}, 5).RoundUp({4, 9, 9}, 3), 3u);
}

}  // namespace
}  // namespace arc2face::testing
