// Reads ONNX models, as far as the stand-in needs.
#include "onnx_model.h"

#include <functional>

#include "provider/tensorrt/library/protobuf.h"

namespace arc2face::stand_in {
namespace {

using engines::Bytes;
using engines::Failure;
using engines::Field;

void ForEach(Bytes message, const std::function<void(const Field&)>& use) {
  engines::FieldReader reader(message, "The graph is no ONNX model.");
  for (Field field; reader.Next(field);) use(field);
}

// TensorProto.DataType of onnx.proto3.
Arc2FaceType ToType(uint64_t element, const std::string& name) {
  switch (element) {
    case 1:
      return ARC2FACE_FLOAT32;
    case 6:
      return ARC2FACE_INT32;
    case 7:
      return ARC2FACE_INT64;
    case 10:
      return ARC2FACE_FLOAT16;
    default:
      throw Failure(ARC2FACE_INVALID_NETWORK,
                    "The tensor " + name + " has the element type " + std::to_string(element) + ", which is unknown.");
  }
}

Declaration ReadDeclaration(Bytes value_info) {
  Declaration declaration{};
  uint64_t element = 0;
  const auto dimension = [&](Bytes message) {
    Dimension& one = declaration.shape.emplace_back(Dimension{.size = -1, .name = {}});
    ForEach(message, [&](const Field& field) {
      if (field.number == 1) one.size = static_cast<int64_t>(field.value);
      if (field.number == 2) one.name = field.text();
    });
  };
  const auto shape = [&](Bytes message) {
    ForEach(message, [&](const Field& field) {
      if (field.number == 1) dimension(field.content);
    });
  };
  const auto tensor_type = [&](Bytes message) {
    ForEach(message, [&](const Field& field) {
      if (field.number == 1) element = field.value;
      if (field.number == 2) shape(field.content);
    });
  };
  ForEach(value_info, [&](const Field& field) {
    if (field.number == 1) declaration.name = field.text();
    if (field.number == 2) {
      ForEach(field.content, [&](const Field& type) {
        if (type.number == 1) tensor_type(type.content);
      });
    }
  });
  declaration.type = ToType(element, declaration.name);
  return declaration;
}

void CheckNode(Bytes node) {
  std::string name, op, domain;
  ForEach(node, [&](const Field& field) {
    if (field.number == 3) name = field.text();
    if (field.number == 4) op = field.text();
    if (field.number == 7) domain = field.text();
  });
  if (domain.empty()) return;
  throw Failure(ARC2FACE_INVALID_NETWORK, "The node " + name + " (" + op + ") is refused: it is of " + domain + ".");
}

void ReadInitializer(Bytes tensor, OnnxModel& model) {
  std::string name;
  bool external = false;
  ForEach(tensor, [&](const Field& field) {
    if (field.number == 8) name = field.text();
    if (field.number == 14) external = field.value == 1;
  });
  if (external) model.weights.push_back(name);
}

}  // namespace

OnnxModel ReadOnnxModel(std::span<const std::byte> bytes) {
  OnnxModel model;
  const auto graph = [&](const Field& field) {
    if (field.number == 1) CheckNode(field.content);
    if (field.number == 5) ReadInitializer(field.content, model);
    if (field.number == 11) model.inputs.push_back(ReadDeclaration(field.content));
    if (field.number == 12) model.outputs.push_back(ReadDeclaration(field.content));
  };
  ForEach(bytes, [&](const Field& field) {
    if (field.number == 7) ForEach(field.content, graph);
  });
  if (model.inputs.empty() || model.outputs.empty()) {
    throw Failure(ARC2FACE_INVALID_NETWORK, "The graph has no inputs or no outputs.");
  }
  return model;
}

}  // namespace arc2face::stand_in
