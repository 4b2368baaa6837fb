// The detector's outputs to faces.
#include <algorithm>
#include <cmath>
#include <string>

#include "../../error.h"
#include "face.h"

namespace arc2face {
namespace {

constexpr float kMostOverlap = 0.4f;

bool IsFinite(const Face& face) {
  const auto finite = [](float value) { return std::isfinite(value); };
  return std::all_of(face.box.begin(), face.box.end(), finite) &&
         std::all_of(face.keypoints.begin(), face.keypoints.end(), finite);
}

// One anchor's face. Distances and offsets are in strides, from the cell's corner in the input, not its middle.
Face DecodeAnchor(const DetectorLevel& level, size_t anchor, size_t column, size_t row, float scale) {
  const float stride = static_cast<float>(level.stride);
  const float x = static_cast<float>(column) * stride;
  const float y = static_cast<float>(row) * stride;
  const float* box = level.boxes + 4 * anchor;
  const float* points = level.keypoints + 10 * anchor;
  Face face;
  face.score = level.scores[anchor];
  face.box = {(x - box[0] * stride) / scale, (y - box[1] * stride) / scale, (x + box[2] * stride) / scale,
              (y + box[3] * stride) / scale};
  for (size_t i = 0; i < 10; i += 2) {
    face.keypoints[i] = (x + points[i] * stride) / scale;
    face.keypoints[i + 1] = (y + points[i + 1] * stride) / scale;
  }
  return face;
}

// Intersection over union, in whole pixels that include both ends.
float Overlap(const std::array<float, 4>& a, const std::array<float, 4>& b) {
  const auto area = [](const std::array<float, 4>& box) { return (box[2] - box[0] + 1) * (box[3] - box[1] + 1); };
  const float width = std::max(0.0f, std::min(a[2], b[2]) - std::max(a[0], b[0]) + 1);
  const float height = std::max(0.0f, std::min(a[3], b[3]) - std::max(a[1], b[1]) + 1);
  const float shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

float Area(const Face& face) { return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]); }

void Check(const std::vector<DetectorLevel>& levels, const Letterbox& letterbox) {
  CheckSize("the detector's input", letterbox.input_width, letterbox.input_height);
  if (!(letterbox.scale > 0)) {
    throw Error(ErrorCode::kInvalidArgument, "Expected a positive number for the letterbox's scale but received " +
                                                 std::to_string(letterbox.scale) + ".");
  }
  for (const DetectorLevel& level : levels) {
    if (level.stride >= 1) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "Expected at least 1 for the detector's stride but received " + std::to_string(level.stride) + ".");
  }
}

}  // namespace

std::vector<Face> DecodeDetections(const std::vector<DetectorLevel>& levels, const Letterbox& letterbox,
                                   float threshold) {
  Check(levels, letterbox);
  std::vector<Face> candidates;
  for (const DetectorLevel& level : levels) {
    const size_t columns = static_cast<size_t>(letterbox.input_width / level.stride);
    const size_t rows = static_cast<size_t>(letterbox.input_height / level.stride);
    for (size_t anchor = 0; anchor < rows * columns * kAnchorsPerCell; ++anchor) {
      if (!(level.scores[anchor] >= threshold)) continue;
      const size_t cell = anchor / kAnchorsPerCell;
      const Face face = DecodeAnchor(level, anchor, cell % columns, cell / columns, letterbox.scale);
      if (IsFinite(face)) candidates.push_back(face);  // one NaN would suppress every other face
    }
  }

  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Face& a, const Face& b) { return a.score > b.score; });
  std::vector<Face> faces;
  for (const Face& candidate : candidates) {
    const bool suppressed = std::any_of(faces.begin(), faces.end(), [&](const Face& better) {
      return !(Overlap(better.box, candidate.box) <= kMostOverlap);
    });
    if (!suppressed) faces.push_back(candidate);
  }
  std::stable_sort(faces.begin(), faces.end(), [](const Face& a, const Face& b) { return Area(a) > Area(b); });
  return faces;
}

}  // namespace arc2face
