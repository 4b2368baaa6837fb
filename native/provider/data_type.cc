// Names and sizes of data types.
#include "provider.h"

namespace arc2face {

size_t Bytes(DataType type) noexcept {
  switch (type) {
    case DataType::kFloat64:
    case DataType::kInt64:
      return 8;
    case DataType::kFloat32:
    case DataType::kInt32:
      return 4;
    case DataType::kFloat16:
    case DataType::kBFloat16:
    case DataType::kInt16:
      return 2;
    case DataType::kInt8:
    case DataType::kUint8:
    case DataType::kBool:
      return 1;
  }
  return 0;
}

bool IsFloat(DataType type) noexcept {
  return type == DataType::kFloat64 || type == DataType::kFloat32 || type == DataType::kFloat16 ||
         type == DataType::kBFloat16;
}

const char* Name(DataType type) noexcept {
  switch (type) {
    case DataType::kFloat64:
      return "float64";
    case DataType::kFloat32:
      return "float32";
    case DataType::kFloat16:
      return "float16";
    case DataType::kBFloat16:
      return "bfloat16";
    case DataType::kInt64:
      return "int64";
    case DataType::kInt32:
      return "int32";
    case DataType::kInt16:
      return "int16";
    case DataType::kInt8:
      return "int8";
    case DataType::kUint8:
      return "uint8";
    case DataType::kBool:
      return "bool";
  }
  return "unknown";
}

}  // namespace arc2face
