// Identity -> conditioning: the fine-tuned text encoder reads the prompt with the identity instead of its `id`
// token (Arc2Face, arXiv:2403.11641, section 3.2; upstream's project_face_embs).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "network_buffer.h"

namespace arc2face {

struct Prompt {
  std::vector<int32_t> tokens;        // of the prompt, padded
  std::vector<int32_t> empty_tokens;  // of "", padded to the same length
  int32_t identity_position;          // the row of the prompt that the identity replaces
};

class Conditioner {
 public:
  // `dimension`: numbers in a row of the conditioning, the UNet's cross-attention size; `type`: theirs in the UNet.
  // Throws kInvalidBundle unless the network has the interface of models/text-encoder.ts.
  Conditioner(Device& device, Stream& stream, std::unique_ptr<Network> encoder, Prompt prompt, int64_t dimension,
              DataType type);

  int64_t rows() const noexcept { return static_cast<int64_t>(prompt_.tokens.size()); }
  int64_t dimension() const noexcept { return dimension_; }

  // Conditioning [rows, dimension] of one identity, 512 numbers of any length but 0, which are normalised first.
  NetworkBuffer Condition(std::span<const float> embedding, Interrupt& interrupt);

  // Conditioning [rows, dimension] of the empty prompt; computed once.
  const NetworkBuffer& Unconditional(Interrupt& interrupt);

 private:
  NetworkBuffer Encode(const std::vector<int32_t>& tokens, std::span<const float> identity, int64_t position,
                       Interrupt& interrupt);

  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> encoder_;
  Prompt prompt_;
  int64_t dimension_;
  DataType type_;
  DataType encoder_type_;
  NetworkBuffer unconditional_;
};

}  // namespace arc2face
