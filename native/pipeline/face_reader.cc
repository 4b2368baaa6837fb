// Photo -> faces -> embedding.
#include "face_reader.h"

#include <algorithm>
#include <array>
#include <string>

#include "../device/sync_on_error.h"
#include "../error.h"
#include "../operations/diffusion/finite.h"
#include "evaluate.h"
#include "finite_check.h"
#include "networks.h"

namespace arc2face {

namespace {

constexpr std::array<int, 3> kStrides = {8, 16, 32};
static_assert(kStrides.back() == kDetectionSizeUnit, "the input is whole cells of every stride");
// Scores, boxes (four distances), keypoints (five offsets): SCRFD's files have their outputs in this order, each for
// all strides. A runtime may have another.
constexpr std::array<int64_t, 3> kChannels = {1, 4, 10};

[[noreturn]] void Refuse(const std::string& what, const NetworkRow& network) {
  throw Error(ErrorCode::kInvalidBundle, what, {.network = network.name});
}

// `values`: those of the network's output at `place`.
void CheckFinite(const std::vector<float>& values, const Network& network, const NetworkRow& row, size_t place,
                 const Device& device) {
  uint32_t found = 0;
  FindNotFiniteHost(values.data(), values.size(), &found);
  if (found != 0) throw NotFinite(network, row, network.outputs()[place].name, device);
}

bool Accepts(int64_t declared, int64_t size) { return declared < 0 || declared == size; }

void CheckDetector(const Network& network) {
  if (network.inputs().size() != 1 || network.outputs().size() != kStrides.size() * kChannels.size()) {
    Refuse("Expected the detector to be an SCRFD network with 1 input and 9 outputs (with keypoints), but it has " +
               std::to_string(network.inputs().size()) + " and " + std::to_string(network.outputs().size()) + ".",
           networks::kDetector);
  }
  const auto& input = network.inputs()[0];
  if (input.type != DataType::kFloat32 || input.shape.size() != 4 || !Accepts(input.shape[0], 1) ||
      !Accepts(input.shape[1], 3) || input.shape[2] != input.shape[3]) {
    Refuse("Expected the detector's input " + input.name + " to be float32 [1, 3, side, side].", networks::kDetector);
  }
  for (const TensorInfo& output : network.outputs()) {
    const size_t rank = output.shape.size();
    if (output.type != DataType::kFloat32 || (rank != 2 && rank != 3)) {
      Refuse("Expected the detector's output " + output.name + " to be float32 [anchors, channels].",
             networks::kDetector);
    }
  }
}

// The indices of the network's outputs for scores, boxes and keypoints, each by stride: told by their channels and, if
// known, the number of their anchors; the rest by order.
std::vector<size_t> FindDetectorOutputs(const Network& network) {
  const auto& outputs = network.outputs();
  std::vector<size_t> places;
  for (size_t kind = 0; kind < kChannels.size(); ++kind) {
    const auto first = static_cast<std::ptrdiff_t>(places.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const int64_t channels = outputs[i].shape.back();
      if (channels < 0 ? i / kStrides.size() == kind : channels == kChannels[kind]) places.push_back(i);
    }
    if (places.size() != (kind + 1) * kStrides.size()) {
      Refuse("Expected three of the detector's outputs to be float32 [anchors, " + std::to_string(kChannels[kind]) +
                 "] but " + std::to_string(places.size() - kind * kStrides.size()) + " are.",
             networks::kDetector);
    }
    const auto anchors = [&](size_t place) { return outputs[place].shape[outputs[place].shape.size() - 2]; };
    if (std::any_of(places.begin() + first, places.end(), [&](size_t place) { return anchors(place) < 0; })) continue;
    // Fine strides have more.
    std::stable_sort(places.begin() + first, places.end(), [&](size_t a, size_t b) { return anchors(a) > anchors(b); });
  }
  return places;
}

int CheckRecognizer(const Network& network) {
  if (network.inputs().size() != 1 || network.outputs().size() != 1) {
    Refuse("Expected the recognizer to be an ArcFace network with 1 input and 1 output, but it has " +
               std::to_string(network.inputs().size()) + " and " + std::to_string(network.outputs().size()) + ".",
           networks::kRecognizer);
  }
  const auto& input = network.inputs()[0];
  if (input.type != DataType::kFloat32 || input.shape.size() != 4 || !Accepts(input.shape[0], 1) ||
      !Accepts(input.shape[1], 3) || input.shape[2] != input.shape[3]) {
    Refuse("Expected the recognizer's input " + input.name + " to be float32 [1, 3, side, side].",
           networks::kRecognizer);
  }
  const auto& output = network.outputs()[0];
  if (output.type != DataType::kFloat32 || output.shape.size() != 2 || !Accepts(output.shape[1], kEmbeddingSize)) {
    Refuse("Expected the recognizer's output " + output.name + " to be float32 [1, " + std::to_string(kEmbeddingSize) +
               "].",
           networks::kRecognizer);
  }
  return input.shape[2] < 0 ? kFaceCropSide : static_cast<int>(input.shape[2]);
}

}  // namespace

void CheckPhotoSize(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error(ErrorCode::kInvalidImage, "Expected a photo of 1 to " + std::to_string(kMaxSide) +
                                              " pixels a side, but received " + std::to_string(width) + " x " +
                                              std::to_string(height) + ".");
  }
}

void CheckDetectOptions(const DetectOptions& options, const std::vector<int>& sizes) {
  // Written so that NaN fails.
  if (!(options.threshold >= 0 && options.threshold <= 1)) {
    throw Error(ErrorCode::kInvalidArgument,
                "Expected a number from 0 to 1 for threshold but received " + std::to_string(options.threshold) + ".");
  }
  if (options.detection_size < kDetectionSizeUnit || options.detection_size > kMaxDetectionSize ||
      options.detection_size % kDetectionSizeUnit != 0) {
    const std::string unit = std::to_string(kDetectionSizeUnit);
    throw Error(ErrorCode::kInvalidArgument,
                "Expected a multiple of " + unit + " from " + unit + " to " + std::to_string(kMaxDetectionSize) +
                    " for detectionSize but received " + std::to_string(options.detection_size) + ".");
  }
  if (!sizes.empty() && std::find(sizes.begin(), sizes.end(), options.detection_size) == sizes.end()) {
    std::string list;
    for (const int size : sizes) list += (list.empty() ? "" : ", ") + std::to_string(size);
    throw Error(ErrorCode::kInvalidArgument,
                "Expected a detectionSize that the model's engines were built for (" + list + ") but received " +
                    std::to_string(options.detection_size) + ".",
                {.option = "detectionSize"});
  }
}

FaceReader::FaceReader(Device& device, Stream& stream, std::unique_ptr<Network> detector,
                       std::unique_ptr<Network> recognizer)
    : device_(device), stream_(stream), detector_(std::move(detector)), recognizer_(std::move(recognizer)) {
  CheckDetector(*detector_);
  detector_outputs_ = FindDetectorOutputs(*detector_);
  crop_size_ = CheckRecognizer(*recognizer_);
  const int64_t side = detector_->inputs()[0].shape[2];
  fixed_detection_size_ = side < 0 ? 0 : static_cast<int>(side);
}

std::vector<int> FaceReader::detection_sizes() const {
  std::vector<int> sizes;
  if (fixed_detection_size_ != 0) return sizes;
  for (const InputShapes& shapes : detector_->profiles()) sizes.push_back(static_cast<int>(shapes[0][2]));
  return sizes;
}

PhotoView FaceReader::Upload(const Photo& photo, DeviceBuffer<uint8_t>& memory) {
  memory = DeviceBuffer<uint8_t>(device_, static_cast<size_t>(photo.width) * photo.height * 3);
  stream_.Upload(memory.data(), photo.data.get(), memory.bytes());
  return {memory.data(), photo.width, photo.height};
}

std::vector<Face> FaceReader::Detect(const Photo& photo, const DetectOptions& options, Interrupt& interrupt) {
  const int side = fixed_detection_size_ != 0 ? fixed_detection_size_ : options.detection_size;
  const Letterbox letterbox = FitPhoto(photo.width, photo.height, side, side);
  std::vector<std::vector<float>> host;
  const SyncOnError sync(stream_);
  DeviceBuffer<uint8_t> photo_memory;
  DeviceBuffer<float> input(device_, size_t{3} * side * side);
  LetterboxPhoto(stream_, Upload(photo, photo_memory), letterbox, input.data());

  std::vector<Tensor> outputs(detector_outputs_.size());
  std::vector<DeviceBuffer<float>> memory;
  for (size_t i = 0; i < detector_outputs_.size(); ++i) {
    const int64_t cells = side / kStrides[i % kStrides.size()];
    const int64_t anchors = cells * cells * kAnchorsPerCell;
    const int64_t channels = kChannels[i / kStrides.size()];
    memory.emplace_back(device_, static_cast<size_t>(anchors * channels));
    host.emplace_back(memory.back().size());
    const size_t place = detector_outputs_[i];
    const bool batched = detector_->outputs()[place].shape.size() == 3;
    outputs[place] = Float32(batched ? std::vector<int64_t>{1, anchors, channels} : std::vector{anchors, channels},
                             memory.back().data());
  }
  const std::array inputs = {Float32({1, 3, side, side}, input.data())};
  detector_->Run(inputs, outputs, stream_, interrupt);
  for (size_t i = 0; i < host.size(); ++i) stream_.Download(host[i].data(), memory[i].data(), memory[i].bytes());
  stream_.Synchronize();
  for (size_t i = 0; i < host.size(); ++i) {
    CheckFinite(host[i], *detector_, networks::kDetector, detector_outputs_[i], device_);
  }

  std::vector<DetectorLevel> levels;
  for (size_t i = 0; i < kStrides.size(); ++i) {
    levels.push_back(
        {kStrides[i], host[i].data(), host[i + kStrides.size()].data(), host[i + 2 * kStrides.size()].data()});
  }
  return DecodeDetections(levels, letterbox, options.threshold);
}

std::vector<float> FaceReader::Embed(const Photo& photo, const Keypoints& keypoints, Interrupt& interrupt) {
  const Affine photo_to_crop = EstimateAlignment(keypoints, crop_size_);
  std::vector<float> embedding(kEmbeddingSize);
  const SyncOnError sync(stream_);
  DeviceBuffer<uint8_t> photo_memory;
  DeviceBuffer<float> input(device_, size_t{3} * crop_size_ * crop_size_);
  DeviceBuffer<float> output(device_, kEmbeddingSize);
  AlignFace(stream_, Upload(photo, photo_memory), photo_to_crop, crop_size_, input.data());
  const std::array inputs = {Float32({1, 3, crop_size_, crop_size_}, input.data())};
  const std::array outputs = {Float32({1, kEmbeddingSize}, output.data())};
  recognizer_->Run(inputs, outputs, stream_, interrupt);
  stream_.Download(embedding.data(), output.data(), output.bytes());
  stream_.Synchronize();
  CheckFinite(embedding, *recognizer_, networks::kRecognizer, 0, device_);
  return embedding;
}

}  // namespace arc2face
