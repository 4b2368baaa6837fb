// Cutting a face out of a photo as the FFHQ dataset does: turned upright, padded where the photo ends, resampled by
// Pillow's rules (upstream's image_align; golden/README.md has the formulas). On the host: once a call.
#pragma once

#include <array>
#include <vector>

#include "image.h"

namespace arc2face {

// The square to cut out, in the photo's pixels: x and y of its top left, bottom left, bottom right and top right.
using Quad = std::array<double, 8>;

// A photo shrunk to about twice the result's size, cut to what is needed, and padded by its mirror image, which blurs
// and fades outwards; and the square in it.
struct PreparedFace {
  std::vector<uint8_t> rgb;
  int width, height;
  Quad quad;
};

// `output`: side of the result. Throws kInvalidArgument unless the square is finite, has an area, and is no more than
// about its own size outside of the photo.
PreparedFace PrepareFace(PhotoView photo, const Quad& quad, int output, bool pad = true);

// The square's pixels: sampled at `samples` by `samples` places, then reduced. [output, output, 3]
std::vector<uint8_t> SampleQuad(PhotoView photo, const Quad& quad, int output, int samples);

// Both; upstream takes as many samples for any output. [output, output, 3]
std::vector<uint8_t> CutOutFace(PhotoView photo, const Quad& quad, int output);

}  // namespace arc2face
