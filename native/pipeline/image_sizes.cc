// The images that the loaded networks can paint.
#include "image_sizes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "../error.h"

namespace arc2face {

// `option`: a call's option that the engines were not built for.
[[noreturn]] static void Refuse(const std::string& what, const std::string& option = {}) {
  throw Error(ErrorCode::kInvalidArgument, what, {.option = option});
}

ImageSizes::ImageSizes(int64_t latent_channels, int64_t pixels_per_latent, const BatchSizes::Built& built,
                       const std::function<bool(int64_t height, int64_t width)>& paints)
    : latent_channels_(latent_channels), pixels_per_latent_(pixels_per_latent) {
  for (const auto& [size, rows] : built) {
    const auto& [height, width] = size;
    if (paints(height, width)) built_.push_back({width * pixels_per_latent, height * pixels_per_latent, rows.back()});
  }
  if (built_.empty() && !built.empty()) {
    throw Error(ErrorCode::kInvalidBundle,
                "Expected engines of the UNet and the VAE decoder for the same image size, but no size has both.");
  }
}

void ImageSizes::Check(int64_t width, int64_t height, float guidance_scale) const {
  for (const auto& [name, pixels] : {std::pair{"width", width}, {"height", height}}) {
    if (pixels < pixels_per_latent_ || pixels > kMaxImageSide || pixels % pixels_per_latent_ != 0) {
      Refuse("Expected a multiple of " + std::to_string(pixels_per_latent_) + " up to " +
             std::to_string(kMaxImageSide) + " for " + name + " but received " + std::to_string(pixels) + ".");
    }
  }
  if (!built_.empty()) CheckBuiltFor(width, height, guidance_scale);
}

void ImageSizes::CheckBuiltFor(int64_t width, int64_t height, float guidance_scale) const {
  const auto name = [](int64_t width, int64_t height) {
    return std::to_string(width) + " x " + std::to_string(height);
  };
  const auto found = std::find_if(built_.begin(), built_.end(),
                                  [&](const ImageSize& size) { return size.width == width && size.height == height; });
  if (found == built_.end()) {
    std::string list;
    for (const ImageSize& size : built_) list += (list.empty() ? "" : ", ") + name(size.width, size.height);
    Refuse("Expected an image size that the model's engines were built for (" + list + ") but received " +
               name(width, height) + ".",
           "width");
  }
  if (guidance_scale > 1 && found->most_rows < 2) {
    Refuse(
        "Expected 1 for guidanceScale, because guidance takes two rows of a batch and the model's engines were built "
        "for one, but received " +
            std::to_string(guidance_scale) + ".",
        "guidanceScale");
  }
}

}  // namespace arc2face
