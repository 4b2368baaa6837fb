// Types and shapes of tensors.
#include "tensors.h"

#include <cstdint>

namespace arc2face {

std::string Describe(DataType type, const std::vector<int64_t>& shape) {
  std::string sizes;
  for (const int64_t size : shape) {
    if (!sizes.empty()) sizes += ", ";
    sizes += size < 0 ? "?" : std::to_string(size);
  }
  return std::string(Name(type)) + " [" + sizes + "]";
}

bool Fits(const std::vector<int64_t>& shape, const std::vector<int64_t>& expected) {
  if (shape.size() != expected.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0 || (expected[i] >= 0 && shape[i] != expected[i])) return false;
  }
  return true;
}

size_t TensorBytes(DataType type, const std::vector<int64_t>& shape, ErrorCode code, const std::string& name) {
  // A size of 0 must not hide an earlier overflow, so it counts at the end.
  size_t bytes = Bytes(type);
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0 || (size > 0 && bytes > SIZE_MAX / static_cast<size_t>(size))) {
      throw Error(
          code, "Expected a tensor that fits into memory for " + name + " but received " + Describe(type, shape) + ".");
    }
    empty = empty || size == 0;
    if (size > 0) bytes *= static_cast<size_t>(size);
  }
  return empty ? 0 : bytes;
}

}  // namespace arc2face
