// Telling a detector's outputs apart, in whatever order a runtime has them.
#include "pipeline/face_reader.h"

#include <gtest/gtest.h>

#include "error.h"
#include "fake_networks.h"

namespace arc2face::testing {
namespace {

constexpr int64_t kSide = 64;

struct Output {
  int64_t channels, stride;
  int64_t anchors() const { return (kSide / stride) * (kSide / stride) * 2; }
};

// SCRFD that finds one face of 16 x 16 pixels at the anchor in the middle of the stride 16.
std::unique_ptr<Network> DetectorWith(const std::vector<Output>& outputs, bool knows_anchors) {
  std::vector<TensorInfo> infos;
  for (const Output& output : outputs) {
    infos.push_back({"output", DataType::kFloat32, {knows_anchors ? output.anchors() : -1, output.channels}});
  }
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"input", DataType::kFloat32, {1, 3, -1, -1}}}, infos,
      [outputs](auto, auto results, Interrupt&) {
        for (size_t i = 0; i < outputs.size(); ++i) {
          auto* const numbers = static_cast<float*>(results[i].data);
          EXPECT_EQ(results[i].shape, (std::vector{outputs[i].anchors(), outputs[i].channels}));
          std::fill_n(numbers, outputs[i].anchors() * outputs[i].channels, 0.0f);
          if (outputs[i].stride != 16) continue;
          constexpr int64_t kMiddle = 2 * (2 * (kSide / 16) + 2);
          const float value = outputs[i].channels == 1 ? 0.9f : outputs[i].channels == 4 ? 0.5f : 0.25f;
          std::fill_n(numbers + kMiddle * outputs[i].channels, outputs[i].channels, value);
        }
      });
}

std::unique_ptr<Network> Recognizer() {
  return std::make_unique<FakeNetwork>(std::vector<TensorInfo>{{"input", DataType::kFloat32, {1, 3, 112, 112}}},
                                       std::vector<TensorInfo>{{"embedding", DataType::kFloat32, {1, 512}}},
                                       [](auto, auto, Interrupt&) {});
}

std::vector<Face> Detect(const std::vector<Output>& outputs, bool knows_anchors) {
  const auto stream = HostDevice().MakeStream();
  FaceReader reader(HostDevice(), *stream, DetectorWith(outputs, knows_anchors), Recognizer());
  std::shared_ptr<uint8_t[]> pixels(new uint8_t[kSide * kSide * 3]());
  Interrupt interrupt;
  return reader.Detect({pixels, kSide, kSide}, {kSide, 0.5f}, interrupt);
}

const std::vector<Output> kAsInFiles = {{1, 8},  {1, 16}, {1, 32},  {4, 8},  {4, 16},
                                        {4, 32}, {10, 8}, {10, 16}, {10, 32}};

void ExpectTheFace(const std::vector<Face>& faces) {
  ASSERT_EQ(faces.size(), 1u);
  EXPECT_EQ(faces[0].box, (std::array<float, 4>{24, 24, 40, 40}));
  EXPECT_EQ(faces[0].keypoints[0], 36);
  EXPECT_FLOAT_EQ(faces[0].score, 0.9f);
}

TEST(FaceReader, TakesOutputsInTheOrderOfFiles) {
  ExpectTheFace(Detect(kAsInFiles, false));
  ExpectTheFace(Detect(kAsInFiles, true));
}

TEST(FaceReader, TakesOutputsStrideByStride) {
  const std::vector<Output> by_stride = {{1, 8},   {4, 8},  {10, 8}, {1, 16}, {4, 16},
                                         {10, 16}, {1, 32}, {4, 32}, {10, 32}};
  ExpectTheFace(Detect(by_stride, false));
  ExpectTheFace(Detect(by_stride, true));
}

TEST(FaceReader, TakesStridesInAnyOrderWhereTheNumberOfAnchorsIsKnown) {
  const std::vector<Output> mixed = {{10, 32}, {4, 16}, {1, 32}, {1, 16}, {10, 8}, {4, 32}, {1, 8}, {4, 8}, {10, 16}};
  ExpectTheFace(Detect(mixed, true));
}

TEST(FaceReader, RefusesADetectorWithOtherOutputs) {
  std::vector<Output> outputs = kAsInFiles;
  outputs[8].channels = 8;
  try {
    Detect(outputs, true);
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidBundle);
    EXPECT_NE(std::string(error.what()).find("[anchors, 10] but 2 are"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace arc2face::testing
