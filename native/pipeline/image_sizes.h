// The images that the loaded networks can paint.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "batch_sizes.h"

namespace arc2face {

inline constexpr int64_t kMaxImageSide = 2048;  // pixels
inline constexpr int64_t kMaxPixelsPerLatent = 64;

class ImageSizes {
 public:
  ImageSizes() = default;  // none
  // `built`: what noise is predicted for. `paints`: whether latents of a height and width become an image. Throws
  // kInvalidBundle if networks were built for some sizes, but none for both.
  ImageSizes(int64_t latent_channels, int64_t pixels_per_latent, const BatchSizes::Built& built,
             const std::function<bool(int64_t height, int64_t width)>& paints);

  // Of an image of that size, in pixels.
  LatentSize LatentsOf(int64_t width, int64_t height) const noexcept {
    return {latent_channels_, height / pixels_per_latent_, width / pixels_per_latent_};
  }
  // Throws kInvalidArgument for an image that can't be painted, or not with this guidance.
  void Check(int64_t width, int64_t height, float guidance_scale) const;

 private:
  void CheckBuiltFor(int64_t width, int64_t height, float guidance_scale) const;

  // In pixels, with the most rows of a batch of that size.
  struct ImageSize {
    int64_t width, height;
    size_t most_rows;
  };

  int64_t latent_channels_ = 0;
  int64_t pixels_per_latent_ = 1;
  std::vector<ImageSize> built_;  // empty: any
};

}  // namespace arc2face
