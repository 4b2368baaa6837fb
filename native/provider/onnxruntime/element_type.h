// ONNX Runtime's types of tensors.
#pragma once

#include <optional>

#include "../provider.h"

namespace arc2face::ort {

// Our type to ONNXTensorElementDataType, and back; empty for those that we don't use, such as strings.
int ElementType(DataType type);
std::optional<DataType> FromElementType(int element);

}  // namespace arc2face::ort
