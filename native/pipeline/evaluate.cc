// Calling a network by names.
#include "evaluate.h"

#include <algorithm>

#include "../error.h"

namespace arc2face {

static std::vector<Tensor> InOrder(const std::vector<TensorInfo>& infos, const NamedTensors& named) {
  std::vector<Tensor> tensors;
  for (const TensorInfo& info : infos) {
    const auto found =
        std::find_if(named.begin(), named.end(), [&](const NamedTensor& one) { return info.name == one.first; });
    if (found == named.end()) {
      throw Error(ErrorCode::kInvalidWeights, "The network has a tensor " + info.name + " that nothing is known of.");
    }
    tensors.push_back(found->second);
  }
  if (tensors.size() != named.size()) {
    throw Error(ErrorCode::kInvalidWeights, std::string("The network lacks one of its tensors, such as ") +
                                                (named.empty() ? "?" : named.front().first) + ".");
  }
  return tensors;
}

void Evaluate(Network& network, const NamedTensors& inputs, const NamedTensors& outputs, Stream& stream,
              Interrupt& interrupt) {
  network.Run(InOrder(network.inputs(), inputs), InOrder(network.outputs(), outputs), stream, interrupt);
}

bool HasInput(const Network& network, const std::string& name) {
  const auto& inputs = network.inputs();
  return std::any_of(inputs.begin(), inputs.end(), [&](const TensorInfo& info) { return info.name == name; });
}

static size_t Find(const std::vector<TensorInfo>& infos, const char* kind, const char* network_name, const char* name) {
  const auto found =
      std::find_if(infos.begin(), infos.end(), [&](const TensorInfo& info) { return info.name == name; });
  if (found != infos.end()) return static_cast<size_t>(found - infos.begin());
  throw Error(
      ErrorCode::kInvalidBundle,
      std::string("Expected the network ") + network_name + " to have an " + kind + " " + name + ", but it has none.",
      {.network = network_name, .tensor = name});
}

size_t InputIndex(const Network& network, const char* network_name, const char* name) {
  return Find(network.inputs(), "input", network_name, name);
}

const TensorInfo& InputInfo(const Network& network, const char* network_name, const char* name) {
  return network.inputs()[InputIndex(network, network_name, name)];
}

const TensorInfo& OutputInfo(const Network& network, const char* network_name, const char* name) {
  return network.outputs()[Find(network.outputs(), "output", network_name, name)];
}

DataType FloatType(const TensorInfo& info, const char* network_name) {
  if (info.type == DataType::kFloat32 || info.type == DataType::kFloat16) return info.type;
  throw Error(ErrorCode::kInvalidBundle,
              "Expected float32 or float16 for " + info.name + " of the network " + network_name + " but it is " +
                  Name(info.type) + ".",
              {.network = network_name, .tensor = info.name});
}

}  // namespace arc2face
