// A model with its weights inside, for parsers that take none by pointer.
#include "weights_inside.h"

#include <climits>
#include <cstddef>
#include <deque>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "status.h"

namespace arc2face::engines {
namespace {

using Bytes = std::span<const std::byte>;

// Numbers of fields in onnx.proto3.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kGraphInitializer = 5;
constexpr uint64_t kTensorName = 8;
constexpr uint64_t kTensorRawData = 9;
constexpr uint64_t kTensorExternalData = 13;
constexpr uint64_t kTensorDataLocation = 14;
constexpr uint64_t kExternal = 1;  // a data location

// Wire types of protocol buffers: https://protobuf.dev/programming-guides/encoding
enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

struct Field {
  uint64_t number;
  uint64_t value = 0;  // of a varint
  Bytes content;       // of a field with a length
  Bytes whole;         // with its key
};

// Reads the fields of a message in order.
class Reader {
 public:
  Reader(Bytes message, const std::string& network) : left_(message), network_(network) {}

  bool Next(Field& field) {
    if (left_.empty()) return false;
    const Bytes begin = left_;
    const uint64_t key = Varint();
    field = {.number = key >> 3, .content = {}, .whole = {}};
    switch (key & 7) {
      case kVarint:
        field.value = Varint();
        break;
      case kFixed64:
        Take(8);
        break;
      case kLength:
        field.content = Take(Varint());
        break;
      case kFixed32:
        Take(4);
        break;
      default:
        Fail();
    }
    field.whole = begin.first(begin.size() - left_.size());
    return true;
  }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint64_t>(Take(1)[0]);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    Fail();
  }
  Bytes Take(uint64_t count) {
    if (count > left_.size()) Fail();
    const Bytes taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  [[noreturn]] void Fail() const {
    throw Failure(ARC2FACE_INVALID_NETWORK,
                  "Could not read the graph of the network " + network_ + ": it is no ONNX model, or cut short.");
  }

  Bytes left_;
  const std::string& network_;
};

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
    Message out;
    Reader reader(model, network_);
    for (Field field; reader.Next(field);) {
      if (field.number == kModelGraph) {
        AddField(out, kModelGraph, Graph(field.content));
      } else {
        out.Add(field.whole);
      }
    }
    if (!weights_.empty()) Refuse(weights_.begin()->first, "is refused: the graph has no such external initializer.");
    return out;
  }

 private:
  Message Graph(Bytes graph) {
    Message out;
    Reader reader(graph, network_);
    for (Field field; reader.Next(field);) {
      if (field.number == kGraphInitializer) {
        AddField(out, kGraphInitializer, Initializer(field.content));
      } else {
        out.Add(field.whole);
      }
    }
    return out;
  }

  Message Initializer(Bytes tensor) {
    Message out;
    std::string_view name;
    bool external = false;
    Reader reader(tensor, network_);
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
