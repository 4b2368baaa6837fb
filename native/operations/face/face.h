// Faces: from the detector's outputs to boxes and keypoints, and from keypoints to the recogniser's crop.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "../image/image.h"

namespace arc2face {

// x, y of left eye, right eye, nose, left and right mouth corner (left in the picture), in pixels of the upright photo.
using Keypoints = std::array<float, 10>;

struct Face {
  std::array<float, 4> box;  // x1, y1, x2, y2 in pixels of the upright photo; may reach beyond it
  Keypoints keypoints;
  float score;  // 0..1
};

// Of an SCRFD network, per cell of the input at each stride.
inline constexpr int kAnchorsPerCell = 2;

// One stride of it: `scores` [anchors], `boxes` [anchors, 4], `keypoints` [anchors, 10].
struct DetectorLevel {
  int stride;
  const float* scores;
  const float* boxes;
  const float* keypoints;
};

// Decoding and suppression as insightface's SCRFD.detect: cell centres at multiples of the stride,
// score >= threshold, overlap > 0.4 suppressed with areas of (width + 1) (height + 1). Largest box first. Anchors whose
// numbers are not finite are dropped. Throws kInvalidArgument for a stride or scale that is not positive.
std::vector<Face> DecodeDetections(const std::vector<DetectorLevel>& levels, const Letterbox& letterbox,
                                   float threshold);

// Side of the face crop that ArcFace networks are trained on, in pixels.
inline constexpr int kFaceCropSide = 112;
// Numbers that they make of it: an embedding, whose direction stands for the person.
inline constexpr int64_t kEmbeddingSize = 512;

// Similarity transform (Umeyama 1991, with the reflection guard) from keypoints to ArcFace's template for a crop of
// `size` pixels: insightface's face_align.estimate_norm. Throws kInvalidArgument for keypoints that do not spread.
Affine EstimateAlignment(const Keypoints& keypoints, int size);

}  // namespace arc2face
