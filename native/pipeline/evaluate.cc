#include "evaluate.h"

#include <algorithm>

#include "../error.h"

namespace arc2face {

static std::vector<Tensor> InOrder(const std::vector<TensorInfo>& infos, std::initializer_list<NamedTensor> named) {
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
                                                (named.size() > 0 ? named.begin()->first : "?") + ".");
  }
  return tensors;
}

void Evaluate(Network& network, std::initializer_list<NamedTensor> inputs, std::initializer_list<NamedTensor> outputs,
              Stream& stream, Interrupt& interrupt) {
  network.Run(InOrder(network.inputs(), inputs), InOrder(network.outputs(), outputs), stream, interrupt);
}

const TensorInfo& InputInfo(const Network& network, const char* network_name, const char* name) {
  for (const TensorInfo& info : network.inputs()) {
    if (info.name == name) return info;
  }
  throw Error(ErrorCode::kInvalidWeights,
              std::string("Expected the network ") + network_name + " to have an input " + name + ", but it has none.");
}

}  // namespace arc2face
