// By how much an image may have been scaled after it was marked.
#pragma once

#include <cstddef>
#include <vector>

#include "tile.h"

namespace arc2face::watermark {

// Scales are powers of 2^(1 / 1024), from 2^-1.05 to 2^1.05, which is more than half to twice.
inline constexpr double kStepsPerDoubling = 1024;
inline constexpr int kMostSteps = 1075;
// One by each of these.
inline constexpr size_t kScales = 2 * kMostSteps + 1;
double ScaleOf(int steps);

// Those, in steps, at which the image's power spectrum has most of what the code's tile gives it: most first. None for
// images of fewer than 128 pixels a side, of which a scaled mark can't be read.
std::vector<int> LikelyScales(const Plane& plane);

}  // namespace arc2face::watermark
