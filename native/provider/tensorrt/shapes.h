// Converts shapes and types of tensors between the ABI's and the core's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../../error.h"
#include "../provider.h"
#include "abi.h"

namespace arc2face::tensorrt {

// `name`: the tensor's. Throws kInvalidArgument for more axes than engines support.
inline Arc2FaceShape ToAbi(const std::vector<int64_t>& shape, const std::string& name) {
  if (shape.size() > ARC2FACE_MAX_RANK) {
    throw Error(ErrorCode::kInvalidArgument, "Expected at most " + std::to_string(ARC2FACE_MAX_RANK) + " axes for " +
                                                 name + " but received " + std::to_string(shape.size()) + ".");
  }
  Arc2FaceShape theirs{};
  theirs.rank = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), theirs.sizes);
  return theirs;
}

inline std::vector<int64_t> FromAbi(const Arc2FaceShape& shape) { return {shape.sizes, shape.sizes + shape.rank}; }

// Throws kEngineFailed for a number that stands for no type.
inline DataType FromAbi(Arc2FaceType type) {
  switch (type) {
    case ARC2FACE_FLOAT32:
      return DataType::kFloat32;
    case ARC2FACE_FLOAT16:
      return DataType::kFloat16;
    case ARC2FACE_BFLOAT16:
      return DataType::kBFloat16;
    case ARC2FACE_INT64:
      return DataType::kInt64;
    case ARC2FACE_INT32:
      return DataType::kInt32;
    case ARC2FACE_INT8:
      return DataType::kInt8;
    case ARC2FACE_UINT8:
      return DataType::kUint8;
    case ARC2FACE_BOOL:
      return DataType::kBool;
    default:
      throw Error(ErrorCode::kEngineFailed, "An engine has a tensor of an unknown type.");
  }
}

}  // namespace arc2face::tensorrt
