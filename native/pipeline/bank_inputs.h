// The inputs of a UNet's batch that are about references: banks, and which rows read them.
#pragma once

#include <cstddef>
#include <vector>

#include "evaluate.h"
#include "network_buffer.h"
#include "noise_predictor.h"
#include "reference_bank.h"
#include "unet_tensors.h"

namespace arc2face {

class BankInputs {
 public:
  // `always`: whether the network takes whole banks also if no row reads one.
  BankInputs(Device& device, Stream& stream, const std::vector<LevelTensor>& banks, const LatentSize& size, size_t rows,
             bool always);

  void Condition(size_t row, const RowConditioning& conditioning);
  void Clear(size_t first);
  void AddTo(NamedTensors& inputs) const;

 private:
  void MakeBanks();
  void SetBank(size_t row, const ReferenceBank* bank);

  Device& device_;
  Stream& stream_;
  const std::vector<LevelTensor>& banks_;
  LatentSize size_;
  size_t rows_;
  bool always_;
  DeviceBuffer<float> scales_, reads_;
  std::vector<bool> has_bank_;         // of each row
  std::vector<NetworkBuffer> memory_;  // of the banks; empty until a row reads one
};

}  // namespace arc2face
