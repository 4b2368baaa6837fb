// Reads ONNX models, as far as the stand-in needs.
#include "onnx_model.h"

#include <functional>

#include "provider/tensorrt/library/status.h"

namespace arc2face::stand_in {
namespace {

using engines::Failure;

// One field of a protocol buffer: a number, or bytes, which may be a message.
struct Field {
  uint64_t number;
  uint64_t value;
  std::span<const std::byte> bytes;
  std::string text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// Reads fields one after another, https://protobuf.dev/programming-guides/encoding/.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> rest) : rest_(rest) {}
  bool done() const noexcept { return rest_.empty(); }

  Field Next() {
    const uint64_t tag = Varint();
    Field field{.number = tag / 8, .value = 0, .bytes = {}};
    switch (tag % 8) {
      case 0:
        field.value = Varint();
        return field;
      case 1:
        field.bytes = Take(8);
        return field;
      case 2:
        field.bytes = Take(Varint());
        return field;
      case 5:
        field.bytes = Take(4);
        return field;
      default:
        Refuse();
    }
  }

 private:
  [[noreturn]] static void Refuse() { throw Failure(ARC2FACE_INVALID_NETWORK, "The graph is no ONNX model."); }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint64_t>(Take(1)[0]);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    Refuse();
  }
  std::span<const std::byte> Take(uint64_t count) {
    if (count > rest_.size()) Refuse();
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::span<const std::byte> rest_;
};

void ForEach(std::span<const std::byte> message, const std::function<void(const Field&)>& use) {
  for (FieldReader reader(message); !reader.done();) use(reader.Next());
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

Declaration ReadDeclaration(std::span<const std::byte> value_info) {
  Declaration declaration{};
  uint64_t element = 0;
  const auto dimension = [&](std::span<const std::byte> message) {
    Dimension& one = declaration.shape.emplace_back(Dimension{.size = -1, .name = {}});
    ForEach(message, [&](const Field& field) {
      if (field.number == 1) one.size = static_cast<int64_t>(field.value);
      if (field.number == 2) one.name = field.text();
    });
  };
  const auto shape = [&](std::span<const std::byte> message) {
    ForEach(message, [&](const Field& field) {
      if (field.number == 1) dimension(field.bytes);
    });
  };
  const auto tensor_type = [&](std::span<const std::byte> message) {
    ForEach(message, [&](const Field& field) {
      if (field.number == 1) element = field.value;
      if (field.number == 2) shape(field.bytes);
    });
  };
  ForEach(value_info, [&](const Field& field) {
    if (field.number == 1) declaration.name = field.text();
    if (field.number == 2) {
      ForEach(field.bytes, [&](const Field& type) {
        if (type.number == 1) tensor_type(type.bytes);
      });
    }
  });
  declaration.type = ToType(element, declaration.name);
  return declaration;
}

void CheckNode(std::span<const std::byte> node) {
  std::string name, op, domain;
  ForEach(node, [&](const Field& field) {
    if (field.number == 3) name = field.text();
    if (field.number == 4) op = field.text();
    if (field.number == 7) domain = field.text();
  });
  if (domain.empty()) return;
  throw Failure(ARC2FACE_INVALID_NETWORK, "The node " + name + " (" + op + ") is refused: it is of " + domain + ".");
}

void ReadInitializer(std::span<const std::byte> tensor, OnnxModel& model) {
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
    if (field.number == 1) CheckNode(field.bytes);
    if (field.number == 5) ReadInitializer(field.bytes, model);
    if (field.number == 11) model.inputs.push_back(ReadDeclaration(field.bytes));
    if (field.number == 12) model.outputs.push_back(ReadDeclaration(field.bytes));
  };
  ForEach(bytes, [&](const Field& field) {
    if (field.number == 7) ForEach(field.bytes, graph);
  });
  if (model.inputs.empty() || model.outputs.empty()) {
    throw Failure(ARC2FACE_INVALID_NETWORK, "The graph has no inputs or no outputs.");
  }
  return model;
}

}  // namespace arc2face::stand_in
