// The UNet as the noise predictor.
#include "unet_predictor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "../device/sync_on_error.h"
#include "../operations/diffusion/convert.h"
#include "bank_inputs.h"
#include "evaluate.h"
#include "finite_check.h"
#include "network_buffer.h"
#include "networks.h"

namespace arc2face {

static constexpr const char* kName = networks::kUnet.name;

static int64_t DeclaredSize(const TensorInfo& info, size_t axis, size_t rank) {
  if (info.shape.size() != rank || info.shape[axis] < 1) {
    throw Error(ErrorCode::kInvalidBundle,
                "Expected the UNet's input " + info.name + " to have " + std::to_string(rank) +
                    " axes and a fixed size on axis " + std::to_string(axis) + ".",
                {.network = kName, .tensor = info.name});
  }
  return info.shape[axis];
}

static BatchSizes::Built ReadBuilt(const Network& unet, int64_t text_rows) {
  const size_t sample = InputIndex(unet, kName, "sample");
  const size_t text = InputIndex(unet, kName, "encoder_hidden_states");
  BatchSizes::Built built;
  for (const InputShapes& shapes : unet.profiles()) {
    if (shapes[text][1] != text_rows) continue;
    built[{shapes[sample][2], shapes[sample][3]}].push_back(static_cast<size_t>(shapes[sample][0]));
  }
  if (built.empty() && !unet.profiles().empty()) {
    throw Error(ErrorCode::kInvalidBundle,
                "Expected the UNet's engine to take " + std::to_string(text_rows) +
                    " tokens, as the prompt has, but it takes others.",
                {.network = kName});
  }
  return built;
}

UNetPredictor::UNetPredictor(Device& device, Stream& stream, const Provider& provider, UNetNetworks networks,
                             int64_t text_rows, const Levels& levels, int64_t pixels_per_latent)
    : device_(device),
      stream_(stream),
      unet_(std::move(networks.unet)),
      tensors_(FindTensors(*unet_, levels)),
      latent_channels_(DeclaredSize(InputInfo(*unet_, kName, "sample"), 1, 4)),
      text_rows_(text_rows),
      text_dimension_(DeclaredSize(InputInfo(*unet_, kName, "encoder_hidden_states"), 2, 3)),
      sample_type_(FloatType(InputInfo(*unet_, kName, "sample"), kName)),
      text_type_(FloatType(InputInfo(*unet_, kName, "encoder_hidden_states"), kName)),
      eps_type_(FloatType(OutputInfo(*unet_, kName, "eps"), kName)),
      batch_sizes_(ReadBuilt(*unet_, text_rows),
                   [&provider](int64_t height, int64_t width) { return provider.PreferredRows(height, width); }),
      scratch_(MakeScratch()) {
  if ((networks.controlnet == nullptr) != tensors_.residuals.empty()) {
    throw Error(ErrorCode::kInvalidBundle, "Expected a ControlNet for a UNet that takes residuals, and for no other.",
                {.network = kName});
  }
  if (networks.controlnet) {
    control_ = std::make_unique<ControlNet>(device, stream, std::move(networks.controlnet), tensors_.residuals,
                                            pixels_per_latent);
  }
}

std::vector<NetworkBuffer> UNetPredictor::MakeScratch() const {
  std::vector<NetworkBuffer> scratch;
  if (batch_sizes_.built().empty()) return scratch;
  for (const LevelTensor& written : tensors_.written) {
    size_t most = 0;
    for (const auto& [sides, rows] : batch_sizes_.built()) {
      const LatentSize size{latent_channels_, sides.first, sides.second};
      most = std::max(most, rows.back() * written.RowElements(size));
    }
    scratch.emplace_back(device_, written.type, most);
  }
  return scratch;
}

class UNetPredictor::Batch final : public PredictorBatch {
 public:
  Batch(UNetPredictor& owner, const LatentSize& size, size_t rows)
      : owner_(owner),
        size_(size),
        rows_(rows),
        sample_(owner.device_, owner.sample_type_, rows * size.elements()),
        timesteps_(owner.device_, rows),
        text_(owner.device_, owner.text_type_, rows * static_cast<size_t>(owner.text_rows_ * owner.text_dimension_)),
        eps_(owner.device_, owner.eps_type_, rows * size.elements()) {
    if (owner.control_) control_.emplace(*owner.control_, size, rows);
    if (owner.has_expression()) {
      expressions_ = DeviceBuffer<float>(owner.device_, rows * kExpressionSize);
      expression_scales_ = DeviceBuffer<float>(owner.device_, rows);
    }
    if (owner.has_reference()) {
      const bool always = !owner.batch_sizes_.built().empty();
      banks_.emplace(owner.device_, owner.stream_, owner.tensors_.banks, size, rows, always);
    }
  }

  NetworkFloats sample() const noexcept override { return sample_.floats(); }
  float* timesteps() const noexcept override { return timesteps_.data(); }
  ConstNetworkFloats eps() const noexcept override { return eps_.const_floats(); }

  void Condition(size_t row, const RowConditioning& conditioning) override {
    const size_t bytes = text_.bytes() / rows_;
    owner_.stream_.Copy(text_.data() + row * bytes, conditioning.text, bytes);
    if (control_) control_->Condition(row, conditioning);
    if (expressions_.size() > 0) Express(row, conditioning);
    if (banks_) banks_->Condition(row, conditioning);
  }

  void Clear(size_t first) override {
    const auto clear = [&](void* memory, size_t bytes) {
      const size_t kept = bytes / rows_ * first;
      owner_.stream_.Zero(static_cast<std::byte*>(memory) + kept, bytes - kept);
    };
    clear(sample_.data(), sample_.bytes());
    clear(timesteps_.data(), timesteps_.bytes());
    clear(text_.data(), text_.bytes());
    if (control_) control_->Clear(first);
    if (expressions_.size() > 0) {
      clear(expressions_.data(), expressions_.bytes());
      clear(expression_scales_.data(), expression_scales_.bytes());
    }
    if (banks_) banks_->Clear(first);
  }

  // With as many rows for the ControlNet.
  size_t kind() const noexcept override { return control_ ? control_->steered() : 0; }

  void Predict(Interrupt& interrupt) override {
    NamedTensors unwanted;
    for (size_t i = 0; i < owner_.tensors_.written.size(); ++i) {
      const LevelTensor& written = owner_.tensors_.written[i];
      const bool must = !owner_.scratch_.empty();
      unwanted.emplace_back(
          written.name, Tensor{written.type, written.Shape(size_, rows_), must ? owner_.scratch_[i].data() : nullptr});
    }
    Predict(std::move(unwanted), interrupt);
  }

  // `written`: the outputs besides eps.
  void Predict(NamedTensors written, Interrupt& interrupt) {
    if (const size_t steered = kind(); steered > 0) {
      const size_t rows = owner_.batch_sizes_.RoundUp(size_, steered);
      control_->Evaluate(rows, Shared(rows), interrupt);
    }
    NamedTensors inputs = Shared(rows_);
    if (control_) control_->AddTo(inputs);
    if (expressions_.size() > 0) {
      const auto n = static_cast<int64_t>(rows_);
      inputs.emplace_back("expression", Float32({n, kExpressionSize}, expressions_.data()));
      inputs.emplace_back("expression_scale", Float32({n}, expression_scales_.data()));
    }
    if (banks_) banks_->AddTo(inputs);
    written.emplace_back("eps", eps_.As(Latents(rows_)));
    Evaluate(*owner_.unet_, inputs, written, owner_.stream_, interrupt);
  }

 private:
  std::vector<int64_t> Latents(size_t rows) const {
    return {static_cast<int64_t>(rows), size_.channels, size_.height, size_.width};
  }
  // The inputs that UNet and ControlNet have in common.
  NamedTensors Shared(size_t rows) const {
    const auto n = static_cast<int64_t>(rows);
    return {{"sample", sample_.As(Latents(rows))},
            {"timestep", Float32({n}, timesteps_.data())},
            {"encoder_hidden_states", text_.As({n, owner_.text_rows_, owner_.text_dimension_})}};
  }

  void Express(size_t row, const RowConditioning& conditioning) {
    Stream& stream = owner_.stream_;
    float* const to = expressions_.data() + row * kExpressionSize;
    float* const scale = expression_scales_.data() + row;
    if (conditioning.expression == nullptr) {
      stream.Zero(to, kExpressionSize * sizeof(float));
    } else {
      stream.Copy(to, conditioning.expression, kExpressionSize * sizeof(float));
    }
    if (conditioning.strengths == nullptr) {
      stream.Zero(scale, sizeof(float));
    } else {
      stream.Copy(scale, &conditioning.strengths->expression, sizeof(float));
    }
  }

  UNetPredictor& owner_;
  LatentSize size_;
  size_t rows_;
  NetworkBuffer sample_;
  DeviceBuffer<float> timesteps_;
  NetworkBuffer text_, eps_;
  std::optional<ControlInputs> control_;
  DeviceBuffer<float> expressions_, expression_scales_;  // empty: none
  std::optional<BankInputs> banks_;
};

std::unique_ptr<PredictorBatch> UNetPredictor::MakeBatch(const LatentSize& size, size_t rows) {
  return std::make_unique<Batch>(*this, size, rows);
}

ReferenceBank UNetPredictor::Write(const LatentSize& size, const float* latents, const std::byte* text,
                                   Interrupt& interrupt) {
  const SyncOnError sync(stream_);
  const size_t rows = batch_sizes_.RoundUp(size, 1);
  Batch batch(*this, size, rows);
  ReferenceBank bank;
  NamedTensors written;
  for (size_t i = 0; i < tensors_.written.size(); ++i) {
    const LevelTensor& tensor = tensors_.written[i];
    bank.tokens.emplace_back(device_, tensor.type, tensor.RowElements(size));
    // A single row goes straight to where it stays.
    const NetworkBuffer& to = rows == 1 ? bank.tokens.back() : scratch_[i];
    written.emplace_back(tensor.name, to.As(tensor.Shape(size, rows)));
  }
  batch.Clear(0);
  Convert(stream_, latents, batch.sample(), size.elements());
  batch.Condition(0, {.text = text});
  batch.Predict(std::move(written), interrupt);
  for (size_t i = 0; rows > 1 && i < bank.tokens.size(); ++i) {
    stream_.Copy(bank.tokens[i].data(), scratch_[i].data(), bank.tokens[i].bytes());
  }
  stream_.Synchronize();
  return bank;
}

Error UNetPredictor::NotFinite() const {
  if (control_ && !unet_->FindFaultyWeight() && control_->network().FindFaultyWeight()) {
    return arc2face::NotFinite(control_->network(), networks::kControlNet, "mid", device_);
  }
  return arc2face::NotFinite(*unet_, networks::kUnet, "eps", device_);
}

}  // namespace arc2face
