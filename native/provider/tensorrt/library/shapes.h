// Converts shapes and types of tensors between NVIDIA's and the ABI's.
#pragma once

#include <optional>
#include <string>

#include "nvidia.h"
#include "status.h"

namespace arc2face::engines {

inline Arc2FaceShape ToShape(const nvinfer1::Dims& dims) {
  Arc2FaceShape shape{};
  shape.rank = dims.nbDims;  // at most 8 in both
  for (int32_t i = 0; i < dims.nbDims; ++i) shape.sizes[i] = dims.d[i];
  return shape;
}

inline nvinfer1::Dims ToDims(const Arc2FaceShape& shape) {
  nvinfer1::Dims dims{};
  dims.nbDims = shape.rank;
  for (int32_t i = 0; i < shape.rank; ++i) dims.d[i] = shape.sizes[i];
  return dims;
}

// "[?, 4, 64, 64]"
inline std::string Describe(const Arc2FaceShape& shape) {
  std::string text = "[";
  for (int32_t i = 0; i < shape.rank; ++i) {
    text += (i == 0 ? "" : ", ") + (shape.sizes[i] < 0 ? "?" : std::to_string(shape.sizes[i]));
  }
  return text + "]";
}

// Whether a tensor of `declared` shape, -1 for any size, can have `shape`.
inline bool Fits(const Arc2FaceShape& shape, const Arc2FaceShape& declared) {
  if (shape.rank != declared.rank) return false;
  for (int32_t i = 0; i < shape.rank; ++i) {
    if (shape.sizes[i] < 0 || (declared.sizes[i] >= 0 && shape.sizes[i] != declared.sizes[i])) return false;
  }
  return true;
}

// Empty for types that the ABI does not have.
inline std::optional<Arc2FaceType> ToType(nvinfer1::DataType type) {
  switch (type) {
    case nvinfer1::DataType::kFLOAT:
      return ARC2FACE_FLOAT32;
    case nvinfer1::DataType::kHALF:
      return ARC2FACE_FLOAT16;
    case nvinfer1::DataType::kBF16:
      return ARC2FACE_BFLOAT16;
    case nvinfer1::DataType::kINT64:
      return ARC2FACE_INT64;
    case nvinfer1::DataType::kINT32:
      return ARC2FACE_INT32;
    case nvinfer1::DataType::kINT8:
      return ARC2FACE_INT8;
    case nvinfer1::DataType::kUINT8:
      return ARC2FACE_UINT8;
    case nvinfer1::DataType::kBOOL:
      return ARC2FACE_BOOL;
    default:
      return std::nullopt;
  }
}

}  // namespace arc2face::engines
