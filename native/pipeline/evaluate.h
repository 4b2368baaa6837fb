// Calling a network by the names of its inputs and outputs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../provider/provider.h"

namespace arc2face {

using NamedTensor = std::pair<std::string, Tensor>;
using NamedTensors = std::vector<NamedTensor>;

inline Tensor Float32(std::vector<int64_t> shape, float* data) { return {DataType::kFloat32, std::move(shape), data}; }
inline Tensor Int64(std::vector<int64_t> shape, int64_t* data) { return {DataType::kInt64, std::move(shape), data}; }

// Queues one evaluation. All inputs and outputs of the network must be named, in any order.
void Evaluate(Network& network, const NamedTensors& inputs, const NamedTensors& outputs, Stream& stream,
              Interrupt& interrupt);

// The description of the network's input or output `name`; throws kInvalidBundle, naming `network_name`, if there is
// none.
const TensorInfo& InputInfo(const Network& network, const char* network_name, const char* name);
const TensorInfo& OutputInfo(const Network& network, const char* network_name, const char* name);
// Whether the network has an input `name`.
bool HasInput(const Network& network, const std::string& name);
// Its index among the network's inputs.
size_t InputIndex(const Network& network, const char* network_name, const char* name);

// The tensor's type, float32 or float16; throws kInvalidBundle, naming `network_name`, for any other.
DataType FloatType(const TensorInfo& info, const char* network_name);

}  // namespace arc2face
