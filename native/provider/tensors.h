// Types and shapes of tensors, as messages say them, and as they lie in memory.
#pragma once

#include <string>
#include <vector>

#include "../error.h"
#include "provider.h"

namespace arc2face {

// "float32 [?, 4, 64, 64]"
std::string Describe(DataType type, const std::vector<int64_t>& shape);

// Whether a tensor of `shape` may be given where `expected` is asked for, which has -1 for any size.
bool Fits(const std::vector<int64_t>& shape, const std::vector<int64_t>& expected);

// Bytes of a tensor; throws `code`, naming it, when a size is negative or all of them are more than memory can hold.
size_t TensorBytes(DataType type, const std::vector<int64_t>& shape, ErrorCode code, const std::string& name);

}  // namespace arc2face
