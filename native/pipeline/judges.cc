// Features of images, and distances.
#include "judges.h"

#include <string>
#include <utility>

#include "../device/sync_on_error.h"
#include "../operations/diffusion/finite.h"
#include "evaluate.h"
#include "finite_check.h"
#include "networks.h"

namespace arc2face {

// An image's levels, 0 to 255, as planes: [3, height, width].
static std::vector<float> Planes(const Photo& image) {
  const size_t pixels = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  std::vector<float> planes(3 * pixels);
  for (size_t i = 0; i < planes.size(); ++i) planes[i % 3 * pixels + i / 3] = image.data[i];
  return planes;
}

static Tensor AsImage(const Photo& image, const DeviceBuffer<float>& planes) {
  return Float32({1, 3, image.height, image.width}, planes.data());
}

static void CheckFinite(const std::vector<float>& values, const Network& network, const NetworkRow& row,
                        const char* output, const Device& device) {
  uint32_t found = 0;
  FindNotFiniteHost(values.data(), values.size(), &found);
  if (found != 0) throw NotFinite(network, row, output, device);
}

void CheckPair(const Photo& first, const Photo& second) {
  CheckPhotoSize(first.width, first.height);
  const auto size = [](const Photo& image) {
    return std::to_string(image.width) + " x " + std::to_string(image.height);
  };
  if (first.width != second.width || first.height != second.height) {
    throw Error(ErrorCode::kInvalidImage,
                "Expected two images of one size, but received " + size(first) + " and " + size(second) + " pixels.");
  }
  if (first.width >= kLeastPairSide && first.height >= kLeastPairSide) return;
  throw Error(ErrorCode::kInvalidImage, "Expected images of at least " + std::to_string(kLeastPairSide) +
                                            " pixels a side, but received " + size(first) + ".");
}

Judges::Judges(Device& device, Stream& stream, std::unique_ptr<Network> inception, std::unique_ptr<Network> lpips)
    : device_(device), stream_(stream), inception_(std::move(inception)), lpips_(std::move(lpips)) {
  if (lpips_) {
    const char* const name = networks::kLpips.name;
    InputInfo(*lpips_, name, "first");
    InputInfo(*lpips_, name, "second");
    OutputInfo(*lpips_, name, "distance");
  }
  if (!inception_) return;
  const char* const name = networks::kInception.name;
  InputInfo(*inception_, name, "image");
  const TensorInfo& features = OutputInfo(*inception_, name, "features");
  if (features.shape.size() != 2 || features.shape[1] < 1) {
    throw Error(
        ErrorCode::kInvalidBundle,
        std::string("Expected the output ") + features.name + " of the network " + name + " to be [1, numbers].",
        {.network = name, .tensor = features.name});
  }
  features_ = static_cast<size_t>(features.shape[1]);
}

std::vector<float> Judges::Features(const Photo& image, Interrupt& interrupt) {
  const std::vector<float> planes = Planes(image);
  std::vector<float> features(features_);
  const SyncOnError sync(stream_);
  const DeviceBuffer<float> input(device_, planes.size()), output(device_, features_);
  stream_.Upload(input.data(), planes.data(), input.bytes());
  Evaluate(*inception_, {{"image", AsImage(image, input)}},
           {{"features", Float32({1, static_cast<int64_t>(features_)}, output.data())}}, stream_, interrupt);
  stream_.Download(features.data(), output.data(), output.bytes());
  stream_.Synchronize();
  CheckFinite(features, *inception_, networks::kInception, "features", device_);
  return features;
}

float Judges::Distance(const Photo& first, const Photo& second, Interrupt& interrupt) {
  const std::vector<float> first_planes = Planes(first), second_planes = Planes(second);
  std::vector<float> distance(1);
  const SyncOnError sync(stream_);
  const DeviceBuffer<float> one(device_, first_planes.size()), other(device_, second_planes.size()), output(device_, 1);
  stream_.Upload(one.data(), first_planes.data(), one.bytes());
  stream_.Upload(other.data(), second_planes.data(), other.bytes());
  Evaluate(*lpips_, {{"first", AsImage(first, one)}, {"second", AsImage(second, other)}},
           {{"distance", Float32({1}, output.data())}}, stream_, interrupt);
  stream_.Download(distance.data(), output.data(), output.bytes());
  stream_.Synchronize();
  CheckFinite(distance, *lpips_, networks::kLpips, "distance", device_);
  return distance[0];
}

}  // namespace arc2face
