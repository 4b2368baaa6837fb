// The seam to what predicts noise: a batch of rows, each with a sample, a timestep and its conditioning, to
// eps. The denoiser does not know the networks behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../error.h"
#include "../half.h"
#include "../interrupt.h"
#include "batch_sizes.h"

namespace arc2face {

// One row's conditioning, which the denoiser passes on unseen.
struct RowConditioning {
  const std::byte* text;  // the text encoder's [rows, dimension], as the predictor takes it, in device memory
};

// Memory for one batch shape, at addresses that stay, so that a device may capture the evaluation.
class PredictorBatch {
 public:
  virtual ~PredictorBatch() = default;

  // To be written before Predict: [rows, channels, height, width] and [rows].
  virtual NetworkFloats sample() const noexcept = 0;
  virtual float* timesteps() const noexcept = 0;
  // Written by Predict: [rows, channels, height, width].
  virtual ConstNetworkFloats eps() const noexcept = 0;

  // Queues setting the conditioning of `row`, which stays until set again.
  virtual void Condition(size_t row, const RowConditioning& conditioning) = 0;
  // Queues zeroing all of the rows from `first` on, which may hold anything.
  virtual void Clear(size_t first) = 0;
  // Queues the evaluation; `interrupt` stops it if it runs at once. Throws what Network::Run throws.
  virtual void Predict(Interrupt& interrupt) = 0;
};

class NoisePredictor {
 public:
  virtual ~NoisePredictor() = default;
  virtual int64_t latent_channels() const noexcept = 0;
  virtual const BatchSizes& batch_sizes() const noexcept = 0;
  // `rows` of latents of this size: a number that batch_sizes() allows. Throws kOutOfMemory.
  virtual std::unique_ptr<PredictorBatch> MakeBatch(const LatentSize& size, size_t rows) = 0;
  // The error for eps that is not finite. May take seconds.
  virtual Error NotFinite() const = 0;
};

}  // namespace arc2face
