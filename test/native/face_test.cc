// Decoding detections and aligning faces.
#include "operations/face/face.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "error.h"

namespace arc2face {
namespace {

// An SCRFD network's outputs for one input size, in vectors of their exact size.
struct Outputs {
  Outputs(int width, int height, uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> unit;
    const auto fill = [&](std::vector<float>& values, size_t count) {
      values.resize(count);
      for (float& value : values) value = unit(random);
    };
    for (size_t i = 0; i < 3; ++i) {
      const size_t anchors = 2 * static_cast<size_t>(width / strides[i]) * (height / strides[i]);
      fill(scores[i], anchors);
      fill(boxes[i], 4 * anchors);
      fill(keypoints[i], 10 * anchors);
    }
  }
  std::vector<DetectorLevel> levels() const {
    std::vector<DetectorLevel> levels;
    for (size_t i = 0; i < 3; ++i) {
      levels.push_back({strides[i], scores[i].data(), boxes[i].data(), keypoints[i].data()});
    }
    return levels;
  }
  int strides[3] = {8, 16, 32};
  std::vector<float> scores[3], boxes[3], keypoints[3];
};

float Area(const Face& face) { return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]); }

TEST(Detections, OfAwkwardSizesAreSortedAndDoNotOverlap) {
  for (const int width : {1, 31, 32, 33, 257, 320}) {
    for (const int height : {1, 33, 256}) {
      const Outputs outputs(width, height, 1);
      const std::vector<Face> faces = DecodeDetections(outputs.levels(), FitPhoto(100, 70, width, height), 0.5f);
      for (size_t i = 0; i < faces.size(); ++i) {
        EXPECT_GE(faces[i].score, 0.5f);
        EXPECT_LE(Area(faces[i]), Area(faces[i == 0 ? 0 : i - 1])) << width << " x " << height;
        for (size_t j = 0; j < i; ++j) {
          const auto &a = faces[i].box, &b = faces[j].box;
          const float w = std::max(0.0f, std::min(a[2], b[2]) - std::max(a[0], b[0]) + 1);
          const float h = std::max(0.0f, std::min(a[3], b[3]) - std::max(a[1], b[1]) + 1);
          const float both = (a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1);
          EXPECT_LE(w * h, 0.4001f * (both - w * h)) << width << " x " << height;
        }
      }
      EXPECT_EQ(faces.empty(), width < 8 || height < 8) << width << " x " << height;
    }
  }
}

TEST(Detections, SurviveAThresholdThatEverythingPasses) {
  const Outputs outputs(256, 256, 2);
  EXPECT_FALSE(DecodeDetections(outputs.levels(), FitPhoto(256, 256, 256, 256), 0).empty());
  EXPECT_TRUE(DecodeDetections(outputs.levels(), FitPhoto(256, 256, 256, 256), std::nanf("")).empty());
}

TEST(Alignment, UndoesASimilarity) {
  // The template, turned by a, scaled by s and moved: its alignment is the inverse, to float32's 24 bits of up to 5000.
  const Affine of_template = EstimateAlignment(
      {38.2946f, 51.6963f, 73.5318f, 51.5014f, 56.0252f, 71.7366f, 41.5493f, 92.3655f, 70.7299f, 92.2041f}, 112);
  EXPECT_NEAR(of_template.m[0], 1, 1e-7);
  for (const double a : {0.0, 0.5, 1.6, 3.1, -2.0}) {
    for (const double s : {0.05, 1.0, 30.0}) {
      Keypoints moved;
      constexpr double kTemplate[] = {38.2946, 51.6963, 73.5318, 51.5014, 56.0252,
                                      71.7366, 41.5493, 92.3655, 70.7299, 92.2041};
      for (size_t i = 0; i < 10; i += 2) {
        moved[i] = static_cast<float>(s * (std::cos(a) * kTemplate[i] - std::sin(a) * kTemplate[i + 1]) + 700);
        moved[i + 1] = static_cast<float>(s * (std::sin(a) * kTemplate[i] + std::cos(a) * kTemplate[i + 1]) - 300);
      }
      const Affine affine = EstimateAlignment(moved, 112);
      const double tolerance = 5000 * 0x1p-24 / (s * 20);  // a keypoint's rounding over half of the keypoints' extent
      EXPECT_NEAR(affine.m[0] * s, std::cos(a), tolerance) << a << ", " << s;
      EXPECT_NEAR(affine.m[3] * s, -std::sin(a), tolerance) << a << ", " << s;
      EXPECT_EQ(affine.m[0], affine.m[4]);
      EXPECT_EQ(affine.m[1], -affine.m[3]);
    }
  }
}

TEST(Alignment, RefusesWhatHasNone) {
  Keypoints same;
  same.fill(123.456f);
  EXPECT_THROW(EstimateAlignment(same, 112), Error);
  EXPECT_THROW(EstimateAlignment({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 111), Error);
  EXPECT_THROW(EstimateAlignment({1, 2, 3, 4, 5, 6, 7, 8, 9, std::nanf("")}, 112), Error);
}

}  // namespace
}  // namespace arc2face
