// ONNX models for tests, encoded by hand: field numbers as in onnx.proto3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "provider/provider.h"

namespace arc2face::onnx {

// Protocol buffer fields: a number, and bytes.
inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
  return bytes + static_cast<char>(value);
}
inline std::string Field(int number, uint64_t value) { return Varint(number * 8) + Varint(value); }
inline std::string Field(int number, const std::string& bytes) {
  return Varint(number * 8 + 2) + Varint(bytes.size()) + bytes;
}

// TensorProto.DataType
inline int Element(DataType type) {
  constexpr int kElements[] = {11, 1, 10, 16, 7, 6, 5, 3, 2, 9};
  return kElements[static_cast<int>(type)];
}

struct Node {
  std::string op;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};

// -1 is a size known only to the run.
inline std::string Encode(const TensorInfo& info) {
  std::string shape;
  for (const int64_t size : info.shape) {
    shape += Field(1, size < 0 ? Field(2, std::string("n")) : Field(1, static_cast<uint64_t>(size)));
  }
  return Field(1, info.name) + Field(2, Field(1, Field(1, Element(info.type)) + Field(2, shape)));
}

inline std::string EncodeExternal(const TensorInfo& weight) {
  std::string dims;
  for (const int64_t size : weight.shape) dims += Field(1, static_cast<uint64_t>(size));
  const std::string location = Field(1, std::string("location")) + Field(2, std::string("weights"));
  return dims + Field(2, Element(weight.type)) + Field(8, weight.name) + Field(13, location) + Field(14, 1);
}

// A ModelProto of operator set 17 whose weights are external.
inline std::string Model(const std::vector<Node>& nodes, const std::vector<TensorInfo>& weights,
                         const std::vector<TensorInfo>& inputs, const std::vector<TensorInfo>& outputs) {
  std::string graph;
  for (const Node& node : nodes) {
    std::string fields;
    for (const std::string& input : node.inputs) fields += Field(1, input);
    for (const std::string& output : node.outputs) fields += Field(2, output);
    graph += Field(1, fields + Field(4, node.op));
  }
  graph += Field(2, std::string("test"));
  for (const TensorInfo& weight : weights) graph += Field(5, EncodeExternal(weight));
  for (const TensorInfo& input : inputs) graph += Field(11, Encode(input));
  for (const TensorInfo& output : outputs) graph += Field(12, Encode(output));
  return Field(1, 8) + Field(7, graph) + Field(8, Field(1, std::string()) + Field(2, 17));
}

inline std::span<const std::byte> Bytes(const std::string& model) { return std::as_bytes(std::span(model)); }

}  // namespace arc2face::onnx
