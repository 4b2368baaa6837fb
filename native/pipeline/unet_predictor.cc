// The UNet as the noise predictor.
#include "unet_predictor.h"

#include <string>
#include <utility>

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

UNetPredictor::UNetPredictor(Device& device, Stream& stream, const Provider& provider, std::unique_ptr<Network> unet,
                             int64_t text_rows)
    : device_(device),
      stream_(stream),
      unet_(std::move(unet)),
      latent_channels_(DeclaredSize(InputInfo(*unet_, kName, "sample"), 1, 4)),
      text_rows_(text_rows),
      text_dimension_(DeclaredSize(InputInfo(*unet_, kName, "encoder_hidden_states"), 2, 3)),
      sample_type_(FloatType(InputInfo(*unet_, kName, "sample"), kName)),
      text_type_(FloatType(InputInfo(*unet_, kName, "encoder_hidden_states"), kName)),
      eps_type_(FloatType(OutputInfo(*unet_, kName, "eps"), kName)),
      batch_sizes_(ReadBuilt(*unet_, text_rows),
                   [&provider](int64_t height, int64_t width) { return provider.PreferredRows(height, width); }) {}

class UNetPredictor::Batch final : public PredictorBatch {
 public:
  Batch(UNetPredictor& owner, const LatentSize& size, size_t rows)
      : owner_(owner),
        size_(size),
        rows_(rows),
        sample_(owner.device_, owner.sample_type_, rows * size.elements()),
        timesteps_(owner.device_, rows),
        text_(owner.device_, owner.text_type_, rows * static_cast<size_t>(owner.text_rows_ * owner.text_dimension_)),
        eps_(owner.device_, owner.eps_type_, rows * size.elements()) {}

  NetworkFloats sample() const noexcept override { return sample_.floats(); }
  float* timesteps() const noexcept override { return timesteps_.data(); }
  ConstNetworkFloats eps() const noexcept override { return eps_.const_floats(); }

  void Condition(size_t row, const RowConditioning& conditioning) override {
    const size_t bytes = text_.bytes() / rows_;
    owner_.stream_.Copy(text_.data() + row * bytes, conditioning.text, bytes);
  }

  void Clear(size_t first) override {
    const auto clear = [&](std::byte* memory, size_t bytes) {
      const size_t kept = bytes / rows_ * first;
      owner_.stream_.Zero(memory + kept, bytes - kept);
    };
    clear(sample_.data(), sample_.bytes());
    clear(reinterpret_cast<std::byte*>(timesteps_.data()), timesteps_.bytes());
    clear(text_.data(), text_.bytes());
  }

  void Predict(Interrupt& interrupt) override {
    const auto n = static_cast<int64_t>(rows_);
    const std::vector<int64_t> latents = {n, size_.channels, size_.height, size_.width};
    Evaluate(*owner_.unet_,
             {{"sample", sample_.As(latents)},
              {"timestep", Float32({n}, timesteps_.data())},
              {"encoder_hidden_states", text_.As({n, owner_.text_rows_, owner_.text_dimension_})}},
             {{"eps", eps_.As(latents)}}, owner_.stream_, interrupt);
  }

 private:
  UNetPredictor& owner_;
  LatentSize size_;
  size_t rows_;
  NetworkBuffer sample_;
  DeviceBuffer<float> timesteps_;
  NetworkBuffer text_, eps_;
};

std::unique_ptr<PredictorBatch> UNetPredictor::MakeBatch(const LatentSize& size, size_t rows) {
  return std::make_unique<Batch>(*this, size, rows);
}

Error UNetPredictor::NotFinite() const { return arc2face::NotFinite(*unet_, networks::kUnet, "eps", device_); }

}  // namespace arc2face
