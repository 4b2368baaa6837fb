// Image-to-image and inpainting: what is read and drawn, in which order, and how it behaves in the pipeline.
#include "pipeline/edit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "fake_networks.h"

namespace arc2face::testing {
namespace {

constexpr LatentSize kSize{kChannels, 3, 5};
constexpr int kWidth = 40, kHeight = 24;
const size_t kElements = kSize.elements();

// A picture whose levels are those of `level` at each pixel, in all three channels.
template <typename Level>
Photo Picture(Level level) {
  std::shared_ptr<uint8_t[]> data(new uint8_t[kWidth * kHeight * 3]);
  for (int i = 0; i < kWidth * kHeight * 3; ++i) data[i] = level(i / 3 % kWidth, i / 3 / kWidth);
  return {data, kWidth, kHeight};
}

EditStart Start(const Edit& edit, NoiseSource& noise) {
  const auto stream = HostDevice().MakeStream();
  PhotoEncoder encoder(HostDevice(), *stream, FakeVaeEncoder(), 8);
  Interrupt interrupt;
  return StartEdit(edit, encoder, noise, kSize, 8, interrupt);
}

// The posterior of a photo whose pixels are all `level`, sampled with `noise`, as FakeVaeEncoder answers.
std::vector<float> Latents(uint8_t level, const float* noise) {
  std::vector<float> latents;
  for (size_t i = 0; i < kElements; ++i) {
    const float mean = i >= 3 * kElements / 4 ? 0.25f : (static_cast<float>(level) - 127.5f) / 127.5f;
    latents.push_back(mean + (1 + mean) / 4 * noise[i]);
  }
  return latents;
}

std::vector<float> Draw(NoiseGenerator& generator, size_t count) {
  std::vector<float> values(count);
  generator.Draw(values.data(), count);
  return values;
}
std::vector<float> Joined(std::vector<float> first, const std::vector<float>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
std::vector<float> Next(NoiseSource& noise, size_t image) {
  const float* const values = noise.Next(image);
  return {values, values + kElements};
}

// Two grey photos for three images: the first image has the second one.
Edit TwoPhotos(bool masked, bool draws_once) {
  Edit edit{.photos = {Picture([](int, int) { return 50; }), Picture([](int, int) { return 200; })},
            .masks = {},
            .photo_of_image = {1, 0, 0},
            .overlay = false,
            .draws_once = draws_once};
  if (masked) edit.masks = {Picture([](int x, int) { return x < 20 ? 0 : 255; })};
  return edit;
}

TEST(StartEdit, DrawsFromOneGeneratorAPosteriorForEachPhotoThenTheNoiseThenInpaintingsSecondPosterior) {
  for (const bool masked : {false, true}) {
    NoiseSource noise({9}, 3, kElements);
    const EditStart start = Start(TwoPhotos(masked, false), noise);
    NoiseGenerator generator(9);
    const std::vector<float> posterior = Draw(generator, 2 * kElements);
    const std::vector<float> of_first = Latents(50, posterior.data());
    const std::vector<float> of_second = Latents(200, posterior.data() + kElements);
    EXPECT_EQ(start.photos, Joined(Joined(of_second, of_first), of_first));
    EXPECT_EQ(start.noise, Draw(generator, 3 * kElements));
    if (masked) Draw(generator, 2 * kElements);
    const std::vector<float> step = Draw(generator, 3 * kElements);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(Next(noise, i), std::vector<float>(step.begin() + static_cast<std::ptrdiff_t>(i * kElements),
                                                   step.begin() + static_cast<std::ptrdiff_t>((i + 1) * kElements)))
          << i;
    }
  }
}

TEST(StartEdit, DrawsForEachImageFromItsOwnGenerator) {
  for (const bool masked : {false, true}) {
    NoiseSource noise({4, 5, 6}, 3, kElements);
    const EditStart start = Start(TwoPhotos(masked, false), noise);
    std::vector<float> photos, noises;
    for (uint64_t i = 0; i < 3; ++i) {
      NoiseGenerator generator(4 + i);
      photos = Joined(photos, Latents(i == 0 ? 200 : 50, Draw(generator, kElements).data()));
      noises = Joined(noises, Draw(generator, kElements));
      if (masked) Draw(generator, kElements);
      EXPECT_EQ(Next(noise, i), Draw(generator, kElements)) << "image " << i;
    }
    EXPECT_EQ(start.photos, photos);
    EXPECT_EQ(start.noise, noises);
  }
}

TEST(StartEdit, MayDrawPosteriorsOnceFromTheFirstGenerators) {
  NoiseSource noise({4, 5, 6}, 3, kElements);
  const EditStart start = Start(TwoPhotos(true, true), noise);
  NoiseGenerator generators[] = {NoiseGenerator(4), NoiseGenerator(5), NoiseGenerator(6)};
  const std::vector<float> of_first = Latents(50, Draw(generators[0], kElements).data());
  const std::vector<float> of_second = Latents(200, Draw(generators[1], kElements).data());
  EXPECT_EQ(start.photos, Joined(Joined(of_second, of_first), of_first));
  std::vector<float> noises;
  for (NoiseGenerator& generator : generators) noises = Joined(noises, Draw(generator, kElements));
  EXPECT_EQ(start.noise, noises);
  for (size_t i = 0; i < 2; ++i) Draw(generators[i], kElements);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(Next(noise, i), Draw(generators[i], kElements)) << "image " << i;
}

TEST(StartEdit, ReadsTheMaskAtTheFirstPixelOfEachLatentWhiteFrom128On) {
  NoiseSource noise({1}, 1, kElements);
  Edit edit{.photos = {Picture([](int, int) { return 0; })}, .masks = {}, .photo_of_image = {0}};
  // 128 at the first pixel of every other latent, 127 at the others' and 255 elsewhere.
  edit.masks = {Picture([](int x, int y) {
    return static_cast<uint8_t>(x % 8 != 0 || y % 8 != 0 ? 255 : (x / 8 + y / 8) % 2 == 0 ? 128 : 127);
  })};
  const EditStart start = Start(edit, noise);
  ASSERT_EQ(start.masks.size(), kElements);
  for (size_t i = 0; i < kElements; ++i) EXPECT_EQ(start.masks[i], (i % 15 / 5 + i % 5) % 2 == 0 ? 1 : 0) << i;
  EXPECT_TRUE(start.overlays.empty());
}

TEST(StartEdit, GivesEachPhotoItsMaskOrAllTheSame) {
  const auto level = [](uint8_t of) { return Picture([of](int, int) { return of; }); };
  for (const bool own : {false, true}) {
    NoiseSource noise({1}, 2, kElements);
    Edit edit{.photos = {level(0), level(9)}, .masks = {level(255)}, .photo_of_image = {0, 1}, .overlay = true};
    if (own) edit.masks.push_back(level(0));
    const EditStart start = Start(edit, noise);
    ASSERT_EQ(start.masks.size(), 2 * kElements);
    ASSERT_EQ(start.overlays.size(), 2u);
    EXPECT_EQ(start.masks.front(), 1);
    EXPECT_EQ(start.masks.back(), own ? 0 : 1);
    EXPECT_EQ(start.overlays[1].mask, std::vector<uint8_t>(kWidth * kHeight, own ? 0 : 255));
    EXPECT_EQ(start.overlays[1].rgb, std::vector<uint8_t>(kWidth * kHeight * 3, 9));
  }
}

TEST(Lay, IsThePhotoInBlackTheImageInWhiteAndBothBetween) {
  const std::vector<uint8_t> photo(12, 200), mask = {0, 255, 128, 1};
  Image image{HostDevice().AllocateHost(12), 4, 1};
  std::fill_n(image.data.get(), 12, uint8_t{10});
  Lay({photo, mask}, image);
  // 200 + (10 - 200) m / 255
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(image.data[i], (std::vector<int>{200, 10, 105, 199})[i / 3]) << i;
}

using Images = std::vector<Image>;
using Bytes = std::vector<std::vector<uint8_t>>;

class EditPipeline : public ::testing::TestWithParam<bool> {
 protected:
  void TearDown() override {
    control->unet_gate.Open();
    control->encoder_gate.Open();
    DisposeAndWait(device, *pipeline);
  }

  Bytes Generate(GenerateRequest request) { return Take(Begin(std::move(request))); }
  Result<Images> Begin(GenerateRequest request) {
    Result<Images> result;
    call = Paint(*pipeline, std::move(request), result.Done());
    return result;
  }
  static Bytes Take(Result<Images> result) {
    Bytes bytes;
    for (const Image& image : result.Take()) {
      bytes.emplace_back(image.data.get(), image.data.get() + image.width * image.height * 3);
    }
    return bytes;
  }

  FailingDevice device{GetParam()};
  std::shared_ptr<Control> control = std::make_shared<Control>();
  std::shared_ptr<Pipeline> pipeline = MakePipeline(device, control, 8, true);
  std::shared_ptr<Call> call;
};
INSTANTIATE_TEST_SUITE_P(OnDevices, EditPipeline, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "asynchronous" : "synchronous"; });

// Plain, image-to-image and inpainting requests, of which some draw noise in every step.
std::vector<GenerateRequest> MixedRequests() {
  std::vector<GenerateRequest> requests;
  requests.push_back(MakeRequest(1, 2, 5, 3, true));
  requests.push_back(Edited(MakeRequest(2, 2, 3, 3, true), false));
  requests.push_back(Edited(MakeRequest(3, 1, 4, 1), true));
  requests.push_back(Edited(MakeRequest(4, 3, 2, 2, true), true));
  requests.back().seeds = {4};  // one generator for the whole batch
  requests.push_back(MakeRequest(5, 1, 4, 1));
  return requests;
}

TEST_P(EditPipeline, SharesBatchesWithPlainRequestsAndGivesTheSameImagesAsAlone) {
  std::vector<Bytes> alone;
  for (auto& request : MixedRequests()) alone.push_back(Generate(std::move(request)));
  const size_t evaluations_alone = control->batches().size();
  for (size_t i = 0; i < alone.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(alone[i][0], alone[j][0]) << i << " and " << j;
  }

  control->unet_gate.Close();
  std::vector<Result<Images>> results;
  for (auto& request : MixedRequests()) results.push_back(Begin(std::move(request)));
  control->unet_gate.AwaitArrival();
  control->unet_gate.Open();
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(Take(results[i]), alone[i]) << "request " << i;
  EXPECT_LT(control->batches().size() - evaluations_alone, evaluations_alone);
}

TEST_P(EditPipeline, LaysTheKeptPhotoOverTheImage) {
  GenerateRequest request = Edited(MakeRequest(1, 2, 3, 3), true);
  const Photo photo = MakePhoto(32, 32, 8);
  request.edit->photos = {photo};
  request.edit->masks = {MakePhoto(32, 32, 0)};
  std::shared_ptr<uint8_t[]> levels(new uint8_t[32 * 32 * 3]);
  for (int i = 0; i < 32 * 32 * 3; ++i) levels[i] = i / 3 % 32 < 11 ? 0 : 255;
  request.edit->masks[0].data = levels;
  GenerateRequest without = request;
  without.edit->overlay = false;
  const Bytes laid = Generate(std::move(request)), painted = Generate(std::move(without));
  ASSERT_EQ(laid.size(), 2u);
  for (size_t image = 0; image < 2; ++image) {
    size_t changed = 0;
    for (size_t i = 0; i < laid[image].size(); ++i) {
      const bool kept = i / 3 % 32 < 11;
      EXPECT_EQ(laid[image][i], kept ? photo.data[i] : painted[image][i]) << i;
      changed += painted[image][i] != laid[image][i] ? 1 : 0;
    }
    EXPECT_GT(changed, 100u);
  }
}

TEST_P(EditPipeline, StopsReadingPhotosWhenItIsCancelled) {
  control->encoder_gate.Close();
  Result<Images> result = Begin(Edited(MakeRequest(1, 1, 3, 3), false));
  control->encoder_gate.AwaitArrival();
  pipeline->Cancel(call);
  EXPECT_EQ(result.Code(), ErrorCode::kCancelled);
  Drain(device);  // returns only if the gate let the encoder go
  EXPECT_TRUE(control->batches().empty());
  control->encoder_gate.Open();
  EXPECT_EQ(Generate(Edited(MakeRequest(1, 1, 3, 3), false)).size(), 1u);
}

TEST_P(EditPipeline, IsDisposedWhilePhotosAreRead) {
  control->encoder_gate.Close();
  Result<Images> result = Begin(Edited(MakeRequest(1, 1, 3, 3), true));
  control->encoder_gate.AwaitArrival();
  pipeline->Dispose([] {});
  EXPECT_EQ(result.Code(), ErrorCode::kDisposed);
}

TEST_P(EditPipeline, RefusesEditsThatDoNotFit) {
  const auto code = [&](const std::function<void(GenerateRequest&)>& spoil) {
    GenerateRequest request = Edited(MakeRequest(1, 2, 3, 3), true);
    spoil(request);
    try {
      pipeline->Generate(std::move(request), [](auto) { FAIL() << "A refused call was settled."; });
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kEngineFailed;
  };
  const std::vector<std::function<void(GenerateRequest&)>> faults = {
      [](auto& r) { r.edit->photos.clear(); },
      [](auto& r) { r.edit->photos.assign(3, r.edit->photos[0]); },  // more than images
      [](auto& r) { r.edit->photo_of_image[1] = 1; },
      [](auto& r) { r.edit->photo_of_image.pop_back(); },
      [](auto& r) { r.edit->masks.assign(2, r.edit->masks[0]); },
      [](auto& r) { r.edit->masks.clear(); },  // but there is an overlay
      [](auto& r) { r.latents.assign(2 * kChannels * 16, 0.5f); },
      [](auto& r) { r.plan.start.latents = std::nanf(""); },
  };
  for (size_t i = 0; i < faults.size(); ++i) {
    EXPECT_EQ(code(faults[i]), ErrorCode::kInvalidArgument) << "fault " << i;
  }
  EXPECT_EQ(code([](auto& r) { r.edit->photos[0].width = 0; }), ErrorCode::kInvalidImage);
  EXPECT_EQ(code([](auto& r) { r.edit->masks[0].height = 40'000; }), ErrorCode::kInvalidImage);
}

}  // namespace
}  // namespace arc2face::testing
