// Banks of references for a UNet's batch.
#include "bank_inputs.h"

#include <algorithm>

namespace arc2face {

BankInputs::BankInputs(Device& device, Stream& stream, const std::vector<LevelTensor>& banks, const LatentSize& size,
                       size_t rows, bool always)
    : device_(device),
      stream_(stream),
      banks_(banks),
      size_(size),
      rows_(rows),
      always_(always),
      scales_(device, rows),
      reads_(device, rows),
      has_bank_(rows, false) {
  if (always) MakeBanks();
}

void BankInputs::MakeBanks() {
  std::vector<NetworkBuffer> memory;
  for (const LevelTensor& bank : banks_) {
    memory.emplace_back(device_, bank.type, rows_ * bank.RowElements(size_));
    stream_.Zero(memory.back().data(), memory.back().bytes());
  }
  memory_ = std::move(memory);
}

void BankInputs::Condition(size_t row, const RowConditioning& conditioning) {
  SetBank(row, conditioning.bank);
  if (conditioning.strengths == nullptr) {
    stream_.Zero(scales_.data() + row, sizeof(float));
    stream_.Zero(reads_.data() + row, sizeof(float));
    return;
  }
  stream_.Copy(scales_.data() + row, &conditioning.strengths->reference, sizeof(float));
  stream_.Copy(reads_.data() + row, &conditioning.strengths->reads, sizeof(float));
}

void BankInputs::Clear(size_t first) {
  for (size_t row = first; row < rows_; ++row) SetBank(row, nullptr);
  stream_.Zero(scales_.data() + first, (rows_ - first) * sizeof(float));
  stream_.Zero(reads_.data() + first, (rows_ - first) * sizeof(float));
}

// A row without a bank may hold any numbers, but the same ones whatever it held before.
void BankInputs::SetBank(size_t row, const ReferenceBank* bank) {
  if (bank == nullptr && !has_bank_[row]) return;
  if (memory_.empty()) MakeBanks();
  for (size_t i = 0; i < memory_.size(); ++i) {
    const size_t bytes = memory_[i].bytes() / rows_;
    std::byte* const to = memory_[i].data() + row * bytes;
    if (bank == nullptr) {
      stream_.Zero(to, bytes);
    } else {
      stream_.Copy(to, bank->tokens[i].data(), bytes);
    }
  }
  has_bank_[row] = bank != nullptr;
}

void BankInputs::AddTo(NamedTensors& inputs) const {
  const auto n = static_cast<int64_t>(rows_);
  inputs.emplace_back("reference_scale", Float32({n}, scales_.data()));
  inputs.emplace_back("reference_reads", Float32({n}, reads_.data()));
  const bool whole = always_ || std::find(has_bank_.begin(), has_bank_.end(), true) != has_bank_.end();
  for (size_t i = 0; i < banks_.size(); ++i) {
    if (whole) {
      inputs.emplace_back(banks_[i].name, memory_[i].As(banks_[i].Shape(size_, rows_)));
    } else {
      inputs.emplace_back(banks_[i].name, Tensor{banks_[i].type, {n, 0, banks_[i].channels}, scales_.data()});
    }
  }
}

}  // namespace arc2face
