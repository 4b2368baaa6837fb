// Latents -> image.
#include "image_painter.h"

#include <algorithm>
#include <utility>

#include "../device/sync_on_error.h"
#include "../operations/diffusion/convert.h"
#include "../operations/image/image.h"
#include "evaluate.h"
#include "finite_check.h"
#include "network_buffer.h"
#include "networks.h"

namespace arc2face {

ImagePainter::ImagePainter(Device& device, Stream& stream, const NetworkRow& row, std::unique_ptr<Network> decoder,
                           int64_t pixels_per_latent)
    : device_(device),
      stream_(stream),
      row_(row),
      decoder_(std::move(decoder)),
      pixels_per_latent_(pixels_per_latent),
      latents_type_(FloatType(InputInfo(*decoder_, row_.name, "latents"), row_.name)),
      image_type_(FloatType(OutputInfo(*decoder_, row_.name, "image"), row_.name)) {}

bool ImagePainter::Takes(int64_t height, int64_t width) const {
  const auto profiles = decoder_->profiles();
  const size_t latents = InputIndex(*decoder_, row_.name, "latents");
  return profiles.empty() || std::any_of(profiles.begin(), profiles.end(), [&](const InputShapes& shapes) {
           const auto& shape = shapes[latents];
           return shape.size() == 4 && shape[0] == 1 && shape[2] == height && shape[3] == width;
         });
}

Image ImagePainter::Paint(const float* latents, const LatentSize& size, Interrupt& interrupt) {
  const int64_t height = size.height * pixels_per_latent_;
  const int64_t width = size.width * pixels_per_latent_;
  const size_t values = static_cast<size_t>(height * width * 3);
  Image result{device_.AllocateHost(values), static_cast<size_t>(width), static_cast<size_t>(height)};
  const SyncOnError sync(stream_);
  const NetworkBuffer input(device_, latents_type_, size.elements());
  const NetworkBuffer image(device_, image_type_, values);
  const DeviceBuffer<uint8_t> rgb(device_, values);
  Convert(stream_, latents, input.floats(), size.elements());
  Evaluate(*decoder_, {{"latents", input.As({1, size.channels, size.height, size.width})}},
           {{"image", image.As({1, 3, height, width})}}, stream_, interrupt);
  FiniteCheck check(device_, stream_);
  check.Queue(image.const_floats(), values);
  Quantise(stream_, image.const_floats(), static_cast<int>(height), static_cast<int>(width), rgb.data());
  stream_.Download(result.data.get(), rgb.data(), rgb.bytes());
  stream_.Synchronize();
  if (!check.passed()) throw NotFinite(*decoder_, row_, "image", device_);
  return result;
}

}  // namespace arc2face
