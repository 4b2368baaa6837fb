// Device memory for a network's input or output, at its precision.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "../half.h"
#include "../provider/provider.h"

namespace arc2face {

// Owns `size()` numbers of float32 or float16; their values are undefined until written. The device must outlive it.
class NetworkBuffer {
 public:
  NetworkBuffer() = default;
  NetworkBuffer(Device& device, DataType type, size_t size)
      : type_(type), size_(size), memory_(device, size * Bytes(type)) {}

  size_t size() const noexcept { return size_; }
  size_t bytes() const noexcept { return memory_.bytes(); }
  std::byte* data() const noexcept { return memory_.data(); }

  NetworkFloats floats() const noexcept {
    if (type_ == DataType::kFloat16) return reinterpret_cast<Half*>(data());
    return reinterpret_cast<float*>(data());
  }
  ConstNetworkFloats const_floats() const noexcept {
    return std::visit([](auto* numbers) -> ConstNetworkFloats { return numbers; }, floats());
  }
  Tensor As(std::vector<int64_t> shape) const { return {type_, std::move(shape), data()}; }

 private:
  DataType type_ = DataType::kFloat32;
  size_t size_ = 0;
  DeviceBuffer<std::byte> memory_;
};

}  // namespace arc2face
