// Weights in the form that runtimes take.
#include "weight_memory.h"

#include <cstdint>
#include <cstring>

#include "../half.h"
#include "fused_weight.h"
#include "tensors.h"

namespace arc2face {

WeightMemory::View WeightMemory::Prepare(const Weight& weight, const std::string& network) {
  const std::string label = "the weight " + weight.name + " of the network " + network;
  const size_t bytes = TensorBytes(weight.type, weight.shape, ErrorCode::kInvalidWeights, label);
  if (bytes != weight.bytes) {
    throw Error(ErrorCode::kInvalidWeights,
                "Expected " + std::to_string(bytes) + " bytes for " + label + " but received " +
                    std::to_string(weight.bytes) + ".",
                {.network = network, .tensor = weight.name});
  }
  const DataType type = weight.as.value_or(weight.type);
  const bool is_sum = !weight.deltas.empty();
  if (type == weight.type && !is_sum) {
    if (reinterpret_cast<uintptr_t>(weight.data) % Bytes(type) == 0) return {type, weight.data, bytes};
    // Some safetensors files have headers of odd length.
    std::byte* const aligned = Allocate(bytes);
    std::memcpy(aligned, weight.data, bytes);
    return {type, aligned, bytes};
  }
  const bool is_float = type == DataType::kFloat32 || type == DataType::kFloat16;
  if (is_sum ? !is_float || !IsFloat(weight.type) : weight.type != DataType::kFloat32 || type != DataType::kFloat16) {
    throw Error(ErrorCode::kInvalidWeights,
                "Expected float32 or float16 for " + label + ", which the graph declares as " + Name(type) +
                    ", but received " + Name(weight.type) + ".",
                {.network = network, .tensor = weight.name});
  }
  const size_t count = bytes / Bytes(weight.type);
  std::byte* const converted = Allocate(count * Bytes(type));
  if (is_sum) {
    Fuse(weight, type, network, converted);
  } else {
    for (size_t i = 0; i < count; ++i) {
      float value;
      std::memcpy(&value, weight.data + i * sizeof value, sizeof value);
      reinterpret_cast<Half*>(converted)[i] = ToHalf(value);
    }
  }
  return {type, converted, count * Bytes(type)};
}

std::byte* WeightMemory::Allocate(size_t bytes) {
  return copies_.emplace_back(std::make_unique_for_overwrite<std::byte[]>(bytes)).get();
}

}  // namespace arc2face
