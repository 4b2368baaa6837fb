// Types and shapes of tensors, in messages and in memory.
#pragma once

#include <string>
#include <vector>

#include "../error.h"
#include "provider.h"

namespace arc2face {

// "float32 [?, 4, 64, 64]"
std::string Describe(DataType type, const std::vector<int64_t>& shape);

// Whether a tensor of `shape` fits `expected`, which has -1 for any size.
bool Fits(const std::vector<int64_t>& shape, const std::vector<int64_t>& expected);

// Bytes of a tensor; throws `code`, naming it, if a size is negative or the total exceeds what memory can hold.
size_t TensorBytes(DataType type, const std::vector<int64_t>& shape, ErrorCode code, const std::string& name);

}  // namespace arc2face
