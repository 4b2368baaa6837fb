// What steers a request's images besides their identities.
#include "steering.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "../device/sync_on_error.h"
#include "../error.h"
#include "../operations/diffusion/convert.h"
#include "../operations/diffusion/noise.h"
#include "../operations/image/lanczos.h"

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

Photo MakePhoto(std::vector<uint8_t> rgb, int width, int height) {
  const auto owner = std::make_shared<std::vector<uint8_t>>(std::move(rgb));
  return {std::shared_ptr<const uint8_t[]>(owner, owner->data()), width, height};
}

// The face, in a square as large as the image's longer side, of which the image shows the middle.
std::vector<uint8_t> CutToSize(PhotoView photo, const Quad& face, int width, int height) {
  const int side = std::max(width, height);
  const std::vector<uint8_t> square = CutOutFace(photo, face, side);
  std::vector<uint8_t> image;
  for (int y = (side - height) / 2; y < (side - height) / 2 + height; ++y) {
    const auto from = square.begin() + 3 * (static_cast<std::ptrdiff_t>(y) * side + (side - width) / 2);
    image.insert(image.end(), from, from + 3 * width);
  }
  return image;
}

}  // namespace

void FitPhotos(Steering& steering, int width, int height) {
  if (auto& control = steering.control) {
    const PhotoView view{control->image.data.get(), control->image.width, control->image.height};
    control->image = MakePhoto(ResizeLanczos(view, width, height), width, height);
  }
  if (auto& reference = steering.reference) {
    const PhotoView view{reference->photo.data.get(), reference->photo.width, reference->photo.height};
    auto fitted =
        reference->face ? CutToSize(view, *reference->face, width, height) : ResizeLanczos(view, width, height);
    reference->photo = MakePhoto(std::move(fitted), width, height);
  }
}

void Check(const Steering& steering, const Abilities& can, size_t images, size_t elements) {
  if (const auto& control = steering.control) {
    CheckCan(can.control, "control");
    CheckScale(control->scale, "control");
    CheckPhotoSize(control->image.width, control->image.height);
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
    CheckPhotoSize(reference->photo.width, reference->photo.height);
    CheckNumbers(reference->noise, "reference");
    if (!reference->noise.empty() && reference->noise.size() != elements &&
        reference->noise.size() != images * elements) {
      Refuse("Expected noise for one latent image or for each of " + std::to_string(images) + " for reference.",
             "reference");
    }
  }
}

SteeringMemory::SteeringMemory(Device& device, Stream& stream, UNetPredictor& predictor, const Steering& steering,
                               Posterior latents, const LatentSize& size)
    : device_(device), stream_(stream), predictor_(predictor), size_(size), latents_(std::move(latents)) {
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
  return {
      .text = text, .control = control_.data(), .strengths = strengths_.size() == 0 ? nullptr : strengths_.data() + 1};
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
