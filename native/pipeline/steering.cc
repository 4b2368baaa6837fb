// What steers a request's images besides their identities.
#include "steering.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "../device/sync_on_error.h"
#include "../error.h"
#include "../operations/diffusion/convert.h"
#include "../operations/diffusion/noise.h"

namespace arc2face {

namespace {

[[noreturn]] void Refuse(const std::string& what, const std::string& option) {
  throw Error(ErrorCode::kInvalidArgument, what, {.option = option});
}

void CheckCan(bool can, const std::string& option) {
  if (!can) Refuse("Expected a model that was loaded with what " + option + " needs.", option);
}

void CheckScale(float scale, const std::string& option) {
  if (!std::isfinite(scale)) Refuse("Expected a finite number for the scale of " + option + ".", option);
}

void CheckSize(const Photo& photo, int64_t width, int64_t height, const std::string& option) {
  if (photo.width == width && photo.height == height) return;
  Refuse("Expected " + std::to_string(width) + " x " + std::to_string(height) + " pixels for " + option +
             " but received " + std::to_string(photo.width) + " x " + std::to_string(photo.height) + ".",
         option);
}

void CheckNumbers(const std::vector<float>& numbers, const std::string& option) {
  if (std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); })) return;
  Refuse("Expected finite numbers for " + option + ".", option);
}

// Of photos' latents. Not small, so that it is hardly ever an image's.
constexpr uint64_t kReferenceSeed = 0xFFFFFFFF;

// [0, 255] to a ControlNet's [0, 1], as planes.
std::vector<float> Planes(const Photo& photo) {
  const size_t pixels = static_cast<size_t>(photo.width) * static_cast<size_t>(photo.height);
  std::vector<float> planes(3 * pixels);
  for (size_t i = 0; i < planes.size(); ++i) planes[i % 3 * pixels + i / 3] = photo.data[i] / 255.0f;
  return planes;
}

}  // namespace

void Check(const Steering& steering, const Abilities& can, int64_t width, int64_t height, size_t images,
           size_t elements) {
  if (const auto& control = steering.control) {
    CheckCan(can.control, "control");
    CheckScale(control->scale, "control");
    CheckSize(control->image, width, height, "control");
  }
  if (const auto& expression = steering.expression) {
    CheckCan(can.expression, "expression");
    CheckScale(expression->scale, "expression");
    CheckNumbers(expression->numbers, "expression");
    if (expression->numbers.size() != kExpressionSize) {
      Refuse("Expected " + std::to_string(kExpressionSize) + " numbers for expression.", "expression");
    }
  }
  if (const auto& reference = steering.reference) {
    CheckCan(can.reference, "reference");
    CheckScale(reference->scale, "reference");
    CheckSize(reference->photo, width, height, "reference");
    CheckNumbers(reference->noise, "reference");
    if (!reference->noise.empty() && reference->noise.size() != elements && reference->noise.size() != images * elements) {
      Refuse("Expected noise for one latent image or for each of " + std::to_string(images) + " for reference.",
             "reference");
    }
  }
}

SteeringMemory::SteeringMemory(Device& device, Stream& stream, UNetPredictor& predictor, const Steering& steering,
                               Posterior latents, const LatentSize& size)
    : device_(device),
      stream_(stream),
      predictor_(predictor),
      size_(size),
      latents_(std::move(latents)) {
  if (!steering.control && !steering.expression && !steering.reference) return;
  std::vector<float> planes;
  Strengths strengths[2];
  const SyncOnError sync(stream);
  DeviceBuffer<float> wide;
  if (const auto& control = steering.control) {
    planes = Planes(control->image);
    wide = DeviceBuffer<float>(device, planes.size());
    control_ = NetworkBuffer(device, predictor.control()->image_type(), planes.size());
    stream.Upload(wide.data(), planes.data(), wide.bytes());
    Convert(stream, wide.data(), control_.floats(), planes.size());
    strengths[0].control = control->scale;
  }
  if (const auto& expression = steering.expression) {
    expression_ = DeviceBuffer<float>(device, expression->numbers.size());
    stream.Upload(expression_.data(), expression->numbers.data(), expression_.bytes());
    strengths[0].expression = expression->scale;
  }
  if (const auto& reference = steering.reference) {
    strengths[0].reference = reference->scale;
    noise_ = reference->noise;
    if (noise_.empty()) {
      noise_.resize(size.elements());
      NoiseGenerator(kReferenceSeed).Draw(noise_.data(), noise_.size());
    }
  }
  strengths[1] = strengths[0];
  strengths[0].reads = steering.reference ? 1.0f : 0.0f;
  strengths_ = DeviceBuffer<Strengths>(device, 2);
  stream.Upload(strengths_.data(), strengths, strengths_.bytes());
  stream.Synchronize();
}

RowConditioning SteeringMemory::Conditional(size_t image, uint32_t identity, const std::byte* text,
                                            Interrupt& interrupt) {
  return {.text = text,
          .control = control_.data(),
          .expression = expression_.data(),
          .bank = noise_.empty() ? nullptr : &BankFor(image, identity, text, interrupt),
          .strengths = strengths_.data()};
}

RowConditioning SteeringMemory::Unconditional(const std::byte* text) const {
  return {.text = text,
          .control = control_.data(),
          .strengths = strengths_.size() == 0 ? nullptr : strengths_.data() + 1};
}

const ReferenceBank& SteeringMemory::BankFor(size_t image, uint32_t identity, const std::byte* text,
                                             Interrupt& interrupt) {
  const size_t elements = size_.elements();
  const size_t draw = noise_.size() == elements ? 0 : image;
  auto& bank = banks_[{identity, draw}];
  if (bank) return *bank;
  const float* const noise = noise_.data() + draw * elements;
  std::vector<float> latents(elements);
  for (size_t i = 0; i < elements; ++i) latents[i] = latents_.mean[i] + latents_.deviation[i] * noise[i];
  const SyncOnError sync(stream_);
  const DeviceBuffer<float> memory(device_, elements);
  stream_.Upload(memory.data(), latents.data(), memory.bytes());
  bank = std::make_unique<ReferenceBank>(predictor_.Write(size_, memory.data(), text, interrupt));
  return *bank;
}

}  // namespace arc2face
