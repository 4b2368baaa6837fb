// The first half of the pipeline: photo -> faces -> embedding.
#pragma once

#include <memory>
#include <vector>

#include "../operations/face/face.h"
#include "../provider/provider.h"

namespace arc2face {

// The detector's input is a square whose side is a multiple of the first, up to the second, in pixels.
inline constexpr int kDetectionSizeUnit = 32;
inline constexpr int kMaxDetectionSize = 4096;

// A photo on the host that its owner shares with the work.
struct Photo {
  std::shared_ptr<const uint8_t[]> data;  // RGB, width * height * 3 bytes
  int width;
  int height;
};

// Throws kInvalidImage if it is empty or a side is beyond the operations' limit.
void CheckPhotoSize(int64_t width, int64_t height);

struct DetectOptions {
  int detection_size;  // side of the square that the photo is fitted into; a fixed-size detector has its own
  float threshold;     // least score
};
// `sizes`: those that the detector runs, see FaceReader. Throws kInvalidArgument.
void CheckDetectOptions(const DetectOptions& options, const std::vector<int>& sizes);

class FaceReader {
 public:
  // Throws kInvalidBundle unless the networks have the interfaces of SCRFD (9 outputs) and ArcFace.
  FaceReader(Device& device, Stream& stream, std::unique_ptr<Network> detector, std::unique_ptr<Network> recognizer);

  // The detection sizes that the detector was built for; empty: it takes any, or always uses its own.
  std::vector<int> detection_sizes() const;

  // Largest box first.
  std::vector<Face> Detect(const Photo& photo, const DetectOptions& options, Interrupt& interrupt);

  // The recogniser's raw output: kEmbeddingSize numbers, not of length 1.
  std::vector<float> Embed(const Photo& photo, const Keypoints& keypoints, Interrupt& interrupt);

 private:
  PhotoView Upload(const Photo& photo, DeviceBuffer<uint8_t>& memory);

  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> detector_;
  std::unique_ptr<Network> recognizer_;
  std::vector<size_t> detector_outputs_;  // the indices of scores, boxes and keypoints, each by stride
  int fixed_detection_size_ = 0;          // 0: any
  int crop_size_ = 0;                     // side of the recogniser's input
};

}  // namespace arc2face
