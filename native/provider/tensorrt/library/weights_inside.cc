// A model with its weights inside, for parsers that take none by pointer.
#include "weights_inside.h"

#include <climits>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protobuf.h"

namespace arc2face::engines {
namespace {

// Numbers of fields in onnx.proto3.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kGraphInitializer = 5;
constexpr uint64_t kTensorName = 8;
constexpr uint64_t kTensorRawData = 9;
constexpr uint64_t kTensorExternalData = 13;
constexpr uint64_t kTensorDataLocation = 14;
constexpr uint64_t kExternal = 1;  // a data location

// A message in pieces that lie elsewhere, so that the weights are copied once, when all sizes are known.
struct Message {
  std::vector<Bytes> pieces;
  uint64_t bytes = 0;

  void Add(Bytes piece) {
    pieces.push_back(piece);
    bytes += piece.size();
  }
  void Add(const Message& message) {
    pieces.insert(pieces.end(), message.pieces.begin(), message.pieces.end());
    bytes += message.bytes;
  }
};

class Assembly {
 public:
  explicit Assembly(const Arc2FaceBuildRequest& request) : network_(request.network) {
    for (uint64_t i = 0; i < request.weight_count; ++i) weights_[request.weights[i].name] = &request.weights[i];
  }

  Message Model(Bytes model) {
    Message out = Replaced(model, kModelGraph, [this](Bytes graph) {
      return Replaced(graph, kGraphInitializer, [this](Bytes tensor) { return Initializer(tensor); });
    });
    if (!weights_.empty()) Refuse(weights_.begin()->first, "is refused: the graph has no such external initializer.");
    return out;
  }

 private:
  // The message with other contents of the fields `number`; all else stays.
  template <typename Replace>
  Message Replaced(Bytes message, uint64_t number, const Replace& replace) {
    Message out;
    FieldReader reader = Read(message);
    for (Field field; reader.Next(field);) {
      if (field.number == number) {
        AddField(out, number, replace(field.content));
      } else {
        out.Add(field.whole);
      }
    }
    return out;
  }

  FieldReader Read(Bytes message) const {
    return {message, "Could not read the graph of the network " + network_ + ": it is no ONNX model, or cut short."};
  }

  Message Initializer(Bytes tensor) {
    Message out;
    std::string_view name;
    bool external = false;
    FieldReader reader = Read(tensor);
    for (Field field; reader.Next(field);) {
      if (field.number == kTensorName) {
        name = {reinterpret_cast<const char*>(field.content.data()), field.content.size()};
      }
      if (field.number == kTensorDataLocation) external = field.value == kExternal;
      if (field.number != kTensorExternalData && field.number != kTensorDataLocation) out.Add(field.whole);
    }
    if (!external) {
      Message same;
      same.Add(tensor);
      return same;
    }
    const auto found = weights_.find(name);
    if (found == weights_.end()) Refuse(name, "is external, but it is not among those that are given.");
    Message data;
    data.Add({static_cast<const std::byte*>(found->second->data), static_cast<size_t>(found->second->bytes)});
    weights_.erase(found);
    AddField(out, kTensorRawData, data);
    return out;
  }

  void AddField(Message& out, uint64_t number, const Message& content) {
    std::string& head = heads_.emplace_back();
    AppendVarint(head, number << 3 | kLength);
    AppendVarint(head, content.bytes);
    out.Add(std::as_bytes(std::span(head)));
    out.Add(content);
  }
  static void AppendVarint(std::string& text, uint64_t value) {
    for (; value >= 128; value >>= 7) text += static_cast<char>((value & 127) | 128);
    text += static_cast<char>(value);
  }
  [[noreturn]] void Refuse(std::string_view weight, const char* why) const {
    throw Failure(ARC2FACE_INVALID_NETWORK,
                  "The weight " + std::string(weight) + " of the network " + network_ + " " + why);
  }

  std::string network_;
  std::map<std::string_view, const Arc2FaceWeight*> weights_;  // those that have not been put into the model
  std::deque<std::string> heads_;                              // keys and lengths, which pieces refer to
};

}  // namespace

std::string WithWeightsInside(const Arc2FaceBuildRequest& request) {
  Assembly assembly(request);
  const Message message = assembly.Model({static_cast<const std::byte*>(request.graph), request.graph_bytes});
  // https://protobuf.dev/programming-guides/proto-limits
  if (message.bytes > INT_MAX) {
    throw Failure(ARC2FACE_FAILED, std::string("The network ") + request.network + " has " +
                                       std::to_string(message.bytes) + " bytes with its weights, but TensorRT before " +
                                       "10.13 reads at most " + std::to_string(INT_MAX) +
                                       ": use a newer TensorRT, or weights in half precision.");
  }
  std::string model;
  model.reserve(message.bytes);
  for (const Bytes piece : message.pieces) model.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  return model;
}

}  // namespace arc2face::engines
