// ControlNet: an image that steers the UNet, through residuals for it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../provider/provider.h"
#include "batch_sizes.h"
#include "evaluate.h"
#include "network_buffer.h"
#include "noise_predictor.h"
#include "unet_tensors.h"

namespace arc2face {

class ControlNet {
 public:
  // `residuals`: the UNet's. Throws kInvalidBundle unless the network has the interface of models/controlnet.ts and
  // gives them.
  ControlNet(Device& device, Stream& stream, std::unique_ptr<Network> network, std::vector<LevelTensor> residuals,
             int64_t pixels_per_latent);

  const Network& network() const noexcept { return *network_; }
  DataType image_type() const noexcept { return image_type_; }
  // Numbers of an image that steers latents of this size.
  size_t ImageElements(const LatentSize& size) const noexcept;

 private:
  friend class ControlInputs;

  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> network_;
  std::vector<LevelTensor> residuals_;
  int64_t pixels_per_latent_;
  DataType image_type_;
};

// The inputs of a UNet's batch that a ControlNet makes. Rows that it steers come first.
class ControlInputs {
 public:
  ControlInputs(ControlNet& owner, const LatentSize& size, size_t rows);

  void Condition(size_t row, const RowConditioning& conditioning);
  void Clear(size_t first);
  // How many rows are steered.
  size_t steered() const noexcept { return steered_; }
  // Queues the evaluation for the first `rows`, at least those steered; `shared`: the inputs that it has in common with
  // the UNet, of as many rows.
  void Evaluate(size_t rows, NamedTensors shared, Interrupt& interrupt);
  void AddTo(NamedTensors& inputs) const;

 private:
  void ZeroResiduals(size_t first, size_t end);

  ControlNet& owner_;
  LatentSize size_;
  size_t rows_;
  size_t steered_ = 0;
  NetworkBuffer images_;
  DeviceBuffer<float> scales_;
  std::vector<NetworkBuffer> residuals_;
};

}  // namespace arc2face
