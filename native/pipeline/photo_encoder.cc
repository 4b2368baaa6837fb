// Photo -> the normal distribution of its latents.
#include "photo_encoder.h"

#include <utility>

#include "../device/sync_on_error.h"
#include "../operations/diffusion/convert.h"
#include "../operations/diffusion/finite.h"
#include "../operations/image/normalise.h"
#include "evaluate.h"
#include "finite_check.h"
#include "network_buffer.h"
#include "networks.h"

namespace arc2face {

static constexpr const char* kName = networks::kVaeEncoder.name;

// [0, 255] to the network's [-1, 1], as planes.
static std::vector<float> Normalised(std::span<const uint8_t> rgb) {
  const size_t pixels = rgb.size() / 3;
  std::vector<float> planes(rgb.size());
  for (size_t i = 0; i < rgb.size(); ++i) planes[i % 3 * pixels + i / 3] = Normalise(rgb[i], 127.5f);
  return planes;
}

PhotoEncoder::PhotoEncoder(Device& device, Stream& stream, std::unique_ptr<Network> encoder, int64_t pixels_per_latent)
    : device_(device),
      stream_(stream),
      encoder_(std::move(encoder)),
      pixels_per_latent_(pixels_per_latent),
      image_type_(FloatType(InputInfo(*encoder_, kName, "image"), kName)),
      mean_type_(FloatType(OutputInfo(*encoder_, kName, "mean"), kName)),
      deviation_type_(FloatType(OutputInfo(*encoder_, kName, "deviation"), kName)) {}

Posterior PhotoEncoder::Encode(std::span<const uint8_t> rgb, const LatentSize& size, Interrupt& interrupt) {
  const std::vector<float> planes = Normalised(rgb);
  const size_t elements = size.elements();
  Posterior posterior{std::vector<float>(elements), std::vector<float>(elements)};
  const SyncOnError sync(stream_);
  const DeviceBuffer<float> wide(device_, planes.size());
  const NetworkBuffer image(device_, image_type_, planes.size());
  const NetworkBuffer mean(device_, mean_type_, elements), deviation(device_, deviation_type_, elements);
  const DeviceBuffer<float> results(device_, 2 * elements);
  const std::vector<int64_t> latents = {1, size.channels, size.height, size.width};
  stream_.Upload(wide.data(), planes.data(), wide.bytes());
  Convert(stream_, wide.data(), image.floats(), wide.size());
  Evaluate(*encoder_, {{"image", image.As({1, 3, size.height * pixels_per_latent_, size.width * pixels_per_latent_})}},
           {{"mean", mean.As(latents)}, {"deviation", deviation.As(latents)}}, stream_, interrupt);
  Convert(stream_, mean.const_floats(), results.data(), elements);
  Convert(stream_, deviation.const_floats(), results.data() + elements, elements);
  stream_.Download(posterior.mean.data(), results.data(), elements * sizeof(float));
  stream_.Download(posterior.deviation.data(), results.data() + elements, elements * sizeof(float));
  stream_.Synchronize();
  for (const auto& [name, values] : {std::pair{"mean", &posterior.mean}, {"deviation", &posterior.deviation}}) {
    uint32_t found = 0;
    FindNotFiniteHost(values->data(), elements, &found);
    if (found != 0) throw NotFinite(*encoder_, networks::kVaeEncoder, name, device_);
  }
  return posterior;
}

}  // namespace arc2face
