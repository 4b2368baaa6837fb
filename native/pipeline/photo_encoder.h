// Photo -> the normal distribution of its latents: the VAE's encoder.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../provider/provider.h"
#include "batch_sizes.h"

namespace arc2face {

// Latents for a sampler are mean + deviation * standard normal noise; each [channels, height, width], in the sampler's
// scale.
struct Posterior {
  std::vector<float> mean, deviation;
};

class PhotoEncoder {
 public:
  // Throws kInvalidBundle unless the network has the interface of models/vae.ts.
  PhotoEncoder(Device& device, Stream& stream, std::unique_ptr<Network> encoder, int64_t pixels_per_latent);

  // `rgb`: 8 bits, row-major, of the size of an image with latents of `size`.
  Posterior Encode(std::span<const uint8_t> rgb, const LatentSize& size, Interrupt& interrupt);

 private:
  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> encoder_;
  int64_t pixels_per_latent_;
  DataType image_type_, mean_type_, deviation_type_;
};

}  // namespace arc2face
