// An image's tiles, one over the other: what is the same in each adds up, the image itself does not.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "pattern.h"

namespace arc2face::watermark {

// Whitened pixels.
struct Plane {
  size_t width, height;
  std::vector<float> values;
};

// Sums over all tiles of an image that was scaled by `scale` after it was marked: [side, side].
std::vector<float> Fold(const Plane& plane, double scale, size_t side);

// Where the tile's first pixel lies in the sums.
struct Place {
  size_t x, y;
};

// How strongly the sums say each chip, with each wave's chips brought to a mean square of 1. [blocks, kWaves]
std::vector<float> ChipsAt(const std::vector<float>& sums, size_t side, Place place, size_t first_wave);

}  // namespace arc2face::watermark
