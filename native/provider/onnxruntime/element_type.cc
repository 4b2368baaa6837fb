// ONNX Runtime's types of tensors.
#include "element_type.h"

#include <utility>

#include "../../error.h"
#include "c_api.h"

namespace arc2face::ort {
namespace {

constexpr std::pair<DataType, int> kElementTypes[] = {
    {DataType::kFloat64, kElementFloat64}, {DataType::kFloat32, kElementFloat32},
    {DataType::kFloat16, kElementFloat16}, {DataType::kBFloat16, kElementBFloat16},
    {DataType::kInt64, kElementInt64},     {DataType::kInt32, kElementInt32},
    {DataType::kInt16, kElementInt16},     {DataType::kInt8, kElementInt8},
    {DataType::kUint8, kElementUint8},     {DataType::kBool, kElementBool},
};

}  // namespace

int ElementType(DataType type) {
  for (const auto& [ours, element] : kElementTypes) {
    if (ours == type) return element;
  }
  throw Error(ErrorCode::kInvalidArgument, "Expected a data type for a tensor but received another number.");
}

std::optional<DataType> FromElementType(int element) {
  for (const auto& [ours, known] : kElementTypes) {
    if (known == element) return ours;
  }
  return std::nullopt;
}

}  // namespace arc2face::ort
