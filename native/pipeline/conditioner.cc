// Identity -> conditioning.
#include "conditioner.h"

#include <cmath>
#include <utility>

#include "../device/sync_on_error.h"
#include "../operations/diffusion/convert.h"
#include "evaluate.h"
#include "face_reader.h"
#include "finite_check.h"
#include "networks.h"

namespace arc2face {

static constexpr const char* kName = networks::kTextEncoder.name;

Conditioner::Conditioner(Device& device, Stream& stream, std::unique_ptr<Network> encoder, Prompt prompt,
                         int64_t dimension, DataType type)
    : device_(device),
      stream_(stream),
      encoder_(std::move(encoder)),
      prompt_(std::move(prompt)),
      dimension_(dimension),
      type_(type),
      encoder_type_(FloatType(OutputInfo(*encoder_, kName, "hidden_states"), kName)) {}

NetworkBuffer Conditioner::Condition(std::span<const float> embedding, Interrupt& interrupt) {
  double squares = 0;
  for (const float value : embedding) squares += static_cast<double>(value) * value;
  const double length = std::sqrt(squares);
  std::vector<float> identity(embedding.size());
  for (size_t i = 0; i < identity.size(); ++i) identity[i] = static_cast<float>(embedding[i] / length);
  return Encode(prompt_.tokens, identity, prompt_.identity_position, interrupt);
}

const NetworkBuffer& Conditioner::Unconditional(Interrupt& interrupt) {
  if (unconditional_.size() == 0) {
    constexpr int64_t kNoPosition = -1;
    unconditional_ = Encode(prompt_.empty_tokens, std::vector<float>(kEmbeddingSize, 0.0f), kNoPosition, interrupt);
  }
  return unconditional_;
}

NetworkBuffer Conditioner::Encode(const std::vector<int32_t>& tokens, std::span<const float> identity, int64_t position,
                                  Interrupt& interrupt) {
  const std::vector<int64_t> wide(tokens.begin(), tokens.end());
  const SyncOnError sync(stream_);
  DeviceBuffer<int64_t> token_memory(device_, wide.size());
  DeviceBuffer<float> identity_memory(device_, identity.size());
  DeviceBuffer<int64_t> position_memory(device_, 1);
  const size_t size = static_cast<size_t>(rows() * dimension_);
  NetworkBuffer hidden_states(device_, encoder_type_, size), converted;
  stream_.Upload(token_memory.data(), wide.data(), token_memory.bytes());
  stream_.Upload(identity_memory.data(), identity.data(), identity_memory.bytes());
  stream_.Upload(position_memory.data(), &position, position_memory.bytes());
  Evaluate(*encoder_,
           {{"input_ids", Int64({1, rows()}, token_memory.data())},
            {"identity", Float32({1, kEmbeddingSize}, identity_memory.data())},
            {"identity_position", Int64({1}, position_memory.data())}},
           {{"hidden_states", hidden_states.As({1, rows(), dimension_})}}, stream_, interrupt);
  if (type_ != encoder_type_) {
    converted = NetworkBuffer(device_, type_, size);
    Convert(stream_, hidden_states.const_floats(), converted.floats(), size);
    std::swap(hidden_states, converted);
  }
  FiniteCheck check(device_, stream_);
  check.Queue(hidden_states.const_floats(), size);
  stream_.Synchronize();
  if (!check.passed()) throw NotFinite(*encoder_, networks::kTextEncoder, "hidden_states", device_);
  return hidden_states;
}

}  // namespace arc2face
