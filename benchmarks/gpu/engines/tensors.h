// Tensors in a GPU's memory, of whatever type a network takes or gives.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "operation_data.h"
#include "provider/provider.h"

namespace arc2face::bench {

// Memory for a tensor of a network's type, filled with numbers.
class Filled {
 public:
  Filled(Device& gpu, Stream& stream, const TensorInfo& info, std::vector<int64_t> shape,
         const std::vector<float>& numbers)
      : type_(info.type), shape_(std::move(shape)), buffer_(gpu, numbers.size() * Bytes(info.type)) {
    std::vector<std::byte> bytes(buffer_.bytes());
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (type_ == DataType::kFloat16) {
        reinterpret_cast<Half*>(bytes.data())[i] = ToHalf(numbers[i]);
      } else {
        reinterpret_cast<float*>(bytes.data())[i] = numbers[i];
      }
    }
    stream.Upload(buffer_.data(), bytes.data(), bytes.size());
    stream.Synchronize();
  }

  Tensor tensor() const { return {type_, shape_, buffer_.data()}; }
  NetworkFloats floats() const {
    if (type_ == DataType::kFloat16) return reinterpret_cast<Half*>(buffer_.data());
    return reinterpret_cast<float*>(buffer_.data());
  }
  ConstNetworkFloats const_floats() const {
    return std::visit([](auto* first) -> ConstNetworkFloats { return first; }, floats());
  }
  const std::vector<int64_t>& shape() const noexcept { return shape_; }

  std::vector<float> Read(Stream& stream) const {
    std::vector<std::byte> bytes(buffer_.bytes());
    stream.Download(bytes.data(), buffer_.data(), bytes.size());
    stream.Synchronize();
    std::vector<float> numbers(bytes.size() / Bytes(type_));
    for (size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = type_ == DataType::kFloat16 ? ToFloat(reinterpret_cast<const Half*>(bytes.data())[i])
                                               : reinterpret_cast<const float*>(bytes.data())[i];
    }
    return numbers;
  }

 private:
  DataType type_;
  std::vector<int64_t> shape_;
  DeviceBuffer<std::byte> buffer_;
};

inline size_t Elements(const std::vector<int64_t>& shape) {
  size_t elements = 1;
  for (const int64_t size : shape) elements *= static_cast<size_t>(size);
  return elements;
}

inline Filled Random(Device& gpu, Stream& stream, const TensorInfo& info, const std::vector<int64_t>& shape) {
  return {gpu, stream, info, shape, testing::RandomNumbers<float>(Elements(shape), 1)};
}

}  // namespace arc2face::bench
