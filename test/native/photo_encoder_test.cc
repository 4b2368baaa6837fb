// A photo's latents, over a fake network: what it is given, and what is made of its answer.
#include "pipeline/photo_encoder.h"

#include <gtest/gtest.h>

#include "fake_networks.h"

namespace arc2face::testing {
namespace {

constexpr LatentSize kSize{kChannels, 2, 3};

std::vector<uint8_t> SomePhoto() {
  std::vector<uint8_t> rgb(3 * 16 * 24);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<uint8_t>(i * 37 % 256);
  return rgb;
}

PhotoEncoder MakeEncoder(Stream& stream, std::unique_ptr<Network> network = FakeVaeEncoder()) {
  return PhotoEncoder(HostDevice(), stream, std::move(network), 8);
}

TEST(PhotoEncoder, ReadsPixelsFromMinusOneToOneAsPlanes) {
  const std::vector<uint8_t> rgb = SomePhoto();
  const auto stream = HostDevice().MakeStream();
  Interrupt interrupt;
  const Posterior posterior = MakeEncoder(*stream).Encode(rgb, kSize, interrupt);
  ASSERT_EQ(posterior.mean.size(), kSize.elements());
  ASSERT_EQ(posterior.deviation.size(), kSize.elements());
  for (size_t c = 0; c < 4; ++c) {
    for (size_t y = 0; y < 2; ++y) {
      for (size_t x = 0; x < 3; ++x) {
        const size_t at = (c * 2 + y) * 3 + x;
        const float mean = c == 3 ? 0.25f : static_cast<float>(rgb[(8 * y * 24 + 8 * x) * 3 + c]) / 255 * 2 - 1;
        EXPECT_NEAR(posterior.mean[at], mean, 1e-6) << at;
        EXPECT_NEAR(posterior.deviation[at], (1 + mean) / 4, 1e-6) << at;
      }
    }
  }
}

TEST(PhotoEncoder, RefusesANetworkOfAnotherInterface) {
  const auto stream = HostDevice().MakeStream();
  try {
    MakeEncoder(*stream, FakeVaeDecoder());
    FAIL() << "A decoder was taken for an encoder.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidBundle);
    EXPECT_EQ(error.details().network, "vaeEncoder");
    EXPECT_EQ(error.details().tensor, "image");
  }
}

TEST(PhotoEncoder, TellsOfNumbersThatAreNotFinite) {
  const auto control = std::make_shared<Control>();
  const auto stream = HostDevice().MakeStream();
  PhotoEncoder encoder = MakeEncoder(*stream, std::make_unique<SpoiledNetwork>(FakeVaeEncoder(), control));
  Interrupt interrupt;
  try {
    encoder.Encode(SomePhoto(), kSize, interrupt);
    FAIL() << "NaN went through.";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kEngineFailed);
    EXPECT_EQ(error.details().network, "vaeEncoder");
    EXPECT_EQ(error.details().tensor, "deviation");
  }
}

}  // namespace
}  // namespace arc2face::testing
