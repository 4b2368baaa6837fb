// The UNet as the noise predictor, and what steers it besides the text: a ControlNet, expressions, references.
#pragma once

#include <memory>
#include <vector>

#include "../provider/provider.h"
#include "control_net.h"
#include "noise_predictor.h"
#include "reference_bank.h"
#include "unet_tensors.h"

namespace arc2face {

struct UNetNetworks {
  std::unique_ptr<Network> unet;
  std::unique_ptr<Network> controlnet;  // null: none
};

class UNetPredictor final : public NoisePredictor {
 public:
  // `text_rows`: tokens of the prompt. `levels`: of the UNet's further tensors. Throws kInvalidBundle unless the
  // networks have the interfaces of models/unet.ts and models/controlnet.ts, and fit each other.
  UNetPredictor(Device& device, Stream& stream, const Provider& provider, UNetNetworks networks, int64_t text_rows,
                const Levels& levels, int64_t pixels_per_latent);

  int64_t latent_channels() const noexcept override { return latent_channels_; }
  const BatchSizes& batch_sizes() const noexcept override { return batch_sizes_; }
  std::unique_ptr<PredictorBatch> MakeBatch(const LatentSize& size, size_t rows) override;
  Error NotFinite() const override;

  // Numbers in a row of the text conditioning, and their type.
  int64_t text_dimension() const noexcept { return text_dimension_; }
  DataType text_type() const noexcept { return text_type_; }

  // What rows can be conditioned on. Null: no image.
  const ControlNet* control() const noexcept { return control_.get(); }
  bool has_expression() const noexcept { return tensors_.expression; }
  bool has_reference() const noexcept { return !tensors_.banks.empty(); }

  // What the UNet sees of a reference whose person `text` tells of: one evaluation, of its `latents` [elements], in
  // device memory, without noise.
  ReferenceBank Write(const LatentSize& size, const float* latents, const std::byte* text, Interrupt& interrupt);

 private:
  class Batch;

  // Where outputs go that nobody wants, if they must go somewhere.
  std::vector<NetworkBuffer> MakeScratch() const;

  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> unet_;
  UNetTensors tensors_;
  std::unique_ptr<ControlNet> control_;
  int64_t latent_channels_;
  int64_t text_rows_;
  int64_t text_dimension_;
  DataType sample_type_, text_type_, eps_type_;
  BatchSizes batch_sizes_;
  std::vector<NetworkBuffer> scratch_;  // of each written tensor
};

}  // namespace arc2face
