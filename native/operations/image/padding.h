// Padding a photo so that nothing shows where it ends: by its mirror image, which is blurred and fades to its median
// colour outwards. Part of how FFHQ cuts faces out; by the rules of NumPy's pad and SciPy's gaussian_filter.
#pragma once

#include <vector>

#include "image.h"

namespace arc2face {

// In pixels; each more than 0.
struct Padding {
  int left, top, right, bottom;
};

// `blur`: standard deviation in pixels. [top + height + bottom, left + width + right, 3]. Throws kInvalidArgument for a
// result beyond kMaxSide.
std::vector<uint8_t> Padded(PhotoView photo, const Padding& padding, double blur);

}  // namespace arc2face
