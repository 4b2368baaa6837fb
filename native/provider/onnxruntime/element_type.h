// Types of tensors, as ONNX Runtime says them.
#pragma once

#include <optional>

#include "../provider.h"

namespace arc2face::ort {

// ONNXTensorElementDataType of ours, and back; nothing for those that we have no use for, such as strings.
int ElementType(DataType type);
std::optional<DataType> FromElementType(int element);

}  // namespace arc2face::ort
