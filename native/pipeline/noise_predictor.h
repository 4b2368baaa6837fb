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

inline constexpr int64_t kExpressionSize = 55;  // models/expression-adapter.ts

struct ReferenceBank;

// How much of what it is conditioned on a row shows.
struct Strengths {
  float control = 0;     // of the ControlNet's residuals
  float expression = 0;  // of the attention to the expression
  float reference = 0;   // of the layers that read references, beside the UNet's own
  float reads = 0;       // 1: all of its bank
};

// One row's conditioning, which the denoiser passes on unseen, as the predictor takes it, in device memory. Null:
// nothing of the kind.
struct RowConditioning {
  const std::byte* text;                // the text encoder's [rows, dimension]
  const std::byte* control = nullptr;   // image [3, height, width], 0 to 1
  const float* expression = nullptr;    // kExpressionSize numbers; null: zeros
  const ReferenceBank* bank = nullptr;  // that the row reads; not in device memory itself
  const Strengths* strengths = nullptr;

  // Such rows come first in a batch, so that what is evaluated for them alone has them side by side.
  bool comes_first() const noexcept { return control != nullptr; }
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
  // Below kKinds; what Predict queues depends on it, and on no other state of the batch.
  virtual size_t kind() const noexcept { return 0; }
  static constexpr size_t kKinds = 256;
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
