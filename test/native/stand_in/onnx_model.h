// What the stand-in reads from a graph: the names, types and shapes of its inputs, outputs and weights. No ONNX
// library, because nothing else is needed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "provider/tensorrt/abi.h"

namespace arc2face::stand_in {

// A size, or the name of one known only to the profile.
struct Dimension {
  int64_t size;      // -1: named
  std::string name;  // may be empty
};

struct Declaration {
  std::string name;
  Arc2FaceType type;
  std::vector<Dimension> shape;
};

struct OnnxModel {
  std::vector<Declaration> inputs, outputs;
  std::vector<std::string> weights;  // declared as external
};

// Reads an ONNX ModelProto. Throws Failure(ARC2FACE_INVALID_NETWORK) for anything else, for a tensor of a type that the
// stand-in does not use, and for an operator outside the ONNX standard, like TensorRT's parser, naming the node.
OnnxModel ReadOnnxModel(std::span<const std::byte> bytes);

}  // namespace arc2face::stand_in
