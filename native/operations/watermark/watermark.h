// The invisible watermark: "made with this package", and 48 bits. Written into luminance, read without the original.
//
// The pattern is no secret: it follows from constants below, so whoever reads this can write or remove the mark. It is
// a label, not a proof.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "../../interrupt.h"
#include "../image/image.h"

namespace arc2face {

inline constexpr size_t kWatermarkBytes = 6;
using WatermarkPayload = std::array<uint8_t, kWatermarkBytes>;

// Shortest side of images that carry a payload; smaller ones carry the code alone.
inline constexpr int kWatermarkPayloadSide = 256;
// Images in which a mark is found though there is none: at most one in a million (read.cc says why).
inline constexpr double kWatermarkFalseAlarms = 1e-6;

// A marked copy, [height, width, 3].
std::vector<uint8_t> EmbedWatermark(PhotoView image, const WatermarkPayload& payload);

struct Watermark {
  // Bound of the probability that an image without a mark looks this much like a marked one, or more.
  double false_alarm;
  // Empty: the image has none, or too little is left of it.
  std::optional<WatermarkPayload> payload;
};
// Of an image of more than 2048 pixels a side, its middle is looked at. Empty: no mark. Throws kCancelled when
// interrupted.
std::optional<Watermark> ReadWatermark(PhotoView image, Interrupt& interrupt);

}  // namespace arc2face
