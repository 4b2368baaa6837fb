// Reads messages of protocol buffers, such as an ONNX model: https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "status.h"

namespace arc2face::engines {

using Bytes = std::span<const std::byte>;

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;  // of a varint
  Bytes content;       // of any other
  Bytes whole;         // with its key

  std::string text() const { return {reinterpret_cast<const char*>(content.data()), content.size()}; }
};

// Reads the fields of a message in order.
class FieldReader {
 public:
  // `problem`: the sentence of the Failure, ARC2FACE_INVALID_NETWORK, that a message which can't be read throws.
  FieldReader(Bytes message, std::string problem) : left_(message), problem_(std::move(problem)) {}

  // False at the end.
  bool Next(Field& field) {
    if (left_.empty()) return false;
    const Bytes begin = left_;
    const uint64_t key = Varint();
    field = {.number = key >> 3, .value = 0, .content = {}, .whole = {}};
    switch (key & 7) {
      case kVarint:
        field.value = Varint();
        break;
      case kFixed64:
        field.content = Take(8);
        break;
      case kLength:
        field.content = Take(Varint());
        break;
      case kFixed32:
        field.content = Take(4);
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
  [[noreturn]] void Fail() const { throw Failure(ARC2FACE_INVALID_NETWORK, problem_); }

  Bytes left_;
  const std::string problem_;
};

}  // namespace arc2face::engines
