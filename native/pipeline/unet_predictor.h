// The UNet as the noise predictor.
#pragma once

#include <memory>

#include "../provider/provider.h"
#include "noise_predictor.h"

namespace arc2face {

class UNetPredictor final : public NoisePredictor {
 public:
  // `text_rows`: tokens of the prompt. Throws kInvalidBundle unless the network has the interface of models/unet.ts.
  UNetPredictor(Device& device, Stream& stream, const Provider& provider, std::unique_ptr<Network> unet,
                int64_t text_rows);

  int64_t latent_channels() const noexcept override { return latent_channels_; }
  const BatchSizes& batch_sizes() const noexcept override { return batch_sizes_; }
  std::unique_ptr<PredictorBatch> MakeBatch(const LatentSize& size, size_t rows) override;
  Error NotFinite() const override;

  // Numbers in a row of the text conditioning, and their type.
  int64_t text_dimension() const noexcept { return text_dimension_; }
  DataType text_type() const noexcept { return text_type_; }

 private:
  class Batch;

  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> unet_;
  int64_t latent_channels_;
  int64_t text_rows_;
  int64_t text_dimension_;
  DataType sample_type_, text_type_, eps_type_;
  BatchSizes batch_sizes_;
};

}  // namespace arc2face
