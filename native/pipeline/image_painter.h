// Latents -> image: a decoder and quantisation to bytes.
#pragma once

#include <cstdint>
#include <memory>

#include "../provider/provider.h"
#include "batch_sizes.h"
#include "networks.h"

namespace arc2face {

// RGB, 8 bits, row-major.
struct Image {
  HostBytes data;  // width * height * 3
  size_t width;
  size_t height;
};

class ImagePainter {
 public:
  // `row`: the decoder's, whose interface is that of models/vae.ts; throws kInvalidBundle if it is not.
  ImagePainter(Device& device, Stream& stream, const NetworkRow& row, std::unique_ptr<Network> decoder,
               int64_t pixels_per_latent);

  int64_t pixels_per_latent() const noexcept { return pixels_per_latent_; }
  // Whether the network runs one image of latents of `height` x `width`.
  bool Takes(int64_t height, int64_t width) const;

  // `latents` [elements] as the sampler left them, in device memory; the network divides by the VAE's scaling factor.
  Image Paint(const float* latents, const LatentSize& size, Interrupt& interrupt);

 private:
  Device& device_;
  Stream& stream_;
  const NetworkRow& row_;
  std::unique_ptr<Network> decoder_;
  int64_t pixels_per_latent_;
  DataType latents_type_, image_type_;
};

}  // namespace arc2face
