#include "image_painter.h"

#include "evaluate.h"

namespace arc2face {

Image ImagePainter::Paint(const DeviceBuffer<float>& latents, const LatentSize& size, Interrupt& interrupt) {
  const int64_t height = size.height * pixels_per_latent_;
  const int64_t width = size.width * pixels_per_latent_;
  const size_t values = static_cast<size_t>(height * width * 3);
  DeviceBuffer<float> image(device_, values);
  DeviceBuffer<uint8_t> rgb(device_, values);
  Evaluate(*decoder_, {{"latents", Float32({1, size.channels, size.height, size.width}, latents.data())}},
           {{"image", Float32({1, 3, height, width}, image.data())}}, stream_, interrupt);
  stream_.Quantise(image.data(), static_cast<int>(height), static_cast<int>(width), rgb.data());
  Image result{device_.AllocateHost(values), static_cast<size_t>(width), static_cast<size_t>(height)};
  stream_.Download(result.data.get(), rgb.data(), rgb.bytes());
  stream_.Synchronize();
  return result;
}

}  // namespace arc2face
