// ControlNet.
#include "control_net.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "../error.h"
#include "networks.h"

namespace arc2face {

static constexpr const char* kName = networks::kControlNet.name;

ControlNet::ControlNet(Device& device, Stream& stream, std::unique_ptr<Network> network,
                       std::vector<LevelTensor> residuals, int64_t pixels_per_latent)
    : device_(device),
      stream_(stream),
      network_(std::move(network)),
      residuals_(std::move(residuals)),
      pixels_per_latent_(pixels_per_latent),
      image_type_(FloatType(InputInfo(*network_, kName, "controlnet_cond"), kName)) {
  for (const LevelTensor& residual : residuals_) {
    const TensorInfo& output = OutputInfo(*network_, kName, residual.name.c_str());
    if (output.type == residual.type && output.shape.size() == 4 && output.shape[1] == residual.channels) continue;
    throw Error(ErrorCode::kInvalidBundle,
                "Expected the residuals " + residual.name + " of the ControlNet to be as the UNet takes them.",
                {.network = kName, .tensor = residual.name});
  }
}

size_t ControlNet::ImageElements(const LatentSize& size) const noexcept {
  return static_cast<size_t>(3 * size.height * size.width * pixels_per_latent_ * pixels_per_latent_);
}

ControlInputs::ControlInputs(ControlNet& owner, const LatentSize& size, size_t rows)
    : owner_(owner),
      size_(size),
      rows_(rows),
      images_(owner.device_, owner.image_type_, rows * owner.ImageElements(size)),
      scales_(owner.device_, rows) {
  for (const LevelTensor& residual : owner.residuals_) {
    residuals_.emplace_back(owner.device_, residual.type, rows * residual.RowElements(size));
  }
  ZeroResiduals(0, rows);
}

void ControlInputs::Condition(size_t row, const RowConditioning& conditioning) {
  Stream& stream = owner_.stream_;
  if (conditioning.control == nullptr) {
    steered_ = std::min(steered_, row);
    ZeroResiduals(row, row + 1);
    return;
  }
  steered_ = std::max(steered_, row + 1);
  const size_t bytes = images_.bytes() / rows_;
  stream.Copy(images_.data() + row * bytes, conditioning.control, bytes);
  stream.Copy(scales_.data() + row, &conditioning.strengths->control, sizeof(float));
}

void ControlInputs::Clear(size_t first) {
  steered_ = std::min(steered_, first);
  const size_t image = images_.bytes() / rows_;
  owner_.stream_.Zero(images_.data() + first * image, images_.bytes() - first * image);
  owner_.stream_.Zero(scales_.data() + first, (rows_ - first) * sizeof(float));
  ZeroResiduals(first, rows_);
}

void ControlInputs::Evaluate(size_t rows, NamedTensors shared, Interrupt& interrupt) {
  const auto n = static_cast<int64_t>(rows);
  const int64_t pixels = owner_.pixels_per_latent_;
  shared.emplace_back("controlnet_cond", images_.As({n, 3, size_.height * pixels, size_.width * pixels}));
  shared.emplace_back("conditioning_scale", Float32({n}, scales_.data()));
  NamedTensors outputs;
  for (size_t i = 0; i < residuals_.size(); ++i) {
    const LevelTensor& residual = owner_.residuals_[i];
    outputs.emplace_back(residual.name, residuals_[i].As(residual.Shape(size_, rows)));
  }
  arc2face::Evaluate(*owner_.network_, shared, outputs, owner_.stream_, interrupt);
  ZeroResiduals(steered_, rows);  // of rows that only fill its batch
}

void ControlInputs::AddTo(NamedTensors& inputs) const {
  for (size_t i = 0; i < residuals_.size(); ++i) {
    const LevelTensor& residual = owner_.residuals_[i];
    inputs.emplace_back(residual.name, residuals_[i].As(residual.Shape(size_, rows_)));
  }
}

void ControlInputs::ZeroResiduals(size_t first, size_t end) {
  if (first >= end) return;
  for (const NetworkBuffer& residual : residuals_) {
    const size_t bytes = residual.bytes() / rows_;
    owner_.stream_.Zero(residual.data() + first * bytes, (end - first) * bytes);
  }
}

}  // namespace arc2face
