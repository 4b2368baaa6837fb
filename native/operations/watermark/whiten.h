// An image as the watermark is looked for in it: brightness without what is slow, and as strong everywhere.
#pragma once

#include <cstddef>
#include <vector>

#include "../image/image.h"

namespace arc2face::watermark {

struct Whitened {
  size_t width, height;
  // Luminance (ITU-R BT.601) less its mean around each pixel: [height, width].
  std::vector<float> detail;
  // One by the size of the detail around each pixel.
  std::vector<float> gain;
};

// How wide details are, in pixels of an image that was scaled after it was marked: those of half the size, of the same
// or of twice the size, whichever is nearest to the scale.
struct Grain {
  // Radii of squares: means over the finest are what detail is made of, less those over the next; its size is that
  // over the largest.
  size_t fine, mean, size;
  bool operator==(const Grain&) const = default;
};
inline constexpr Grain kUnscaled{.fine = 1, .mean = 4, .size = 8};
Grain GrainAt(double scale);

Whitened Whiten(PhotoView image, Grain grain);

// Luminance to detail: [height, width].
std::vector<float> DetailOf(const std::vector<float>& luminance, size_t width, size_t height, Grain grain);

}  // namespace arc2face::watermark
