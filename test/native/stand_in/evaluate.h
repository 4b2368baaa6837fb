// What the stand-in's engines compute: a small known function with the inputs and outputs of the network they
// replace. Every number in a batch's row depends on that row alone, as in the networks.
#pragma once

#include <cstdint>

#include "half.h"
#include "host_device.h"
#include "provider/tensorrt/abi.h"

namespace arc2face::stand_in {

inline constexpr int kMostInputs = 48;  // a UNet with everything that may steer it has 36

struct Input {
  const void* data;
  Arc2FaceType type;
  int64_t rows;      // size of the first axis
  int64_t elements;  // in a row
};

// The inputs of one evaluation; a plain struct, so that a kernel can take it as an argument.
struct Inputs {
  Input inputs[kMostInputs];
  int32_t count;
  float bias;  // of the weights: another weight, another result
};

ARC2FACE_HD inline float Read(const Input& input, int64_t index) {
  switch (input.type) {
    case ARC2FACE_INT64:
      return static_cast<float>(static_cast<const int64_t*>(input.data)[index]);
    case ARC2FACE_INT32:
      return static_cast<float>(static_cast<const int32_t*>(input.data)[index]);
    case ARC2FACE_FLOAT16:
      return ToFloat(static_cast<const Half*>(input.data)[index]);
    default:
      return static_cast<const float*>(input.data)[index];
  }
}

// Between -1 and 1. Only operations that IEEE 754 rounds correctly, so that host and GPU agree bit for bit.
ARC2FACE_HD inline float Squash(float x) { return x / (1.0f + (x < 0.0f ? -x : x)); }

// The sum behind element `element` of row `row` of any output, which is Squash of it.
ARC2FACE_HD inline float Sum(const Inputs& inputs, int64_t row, int64_t element) {
  float sum = inputs.bias;
  for (int32_t i = 0; i < inputs.count; ++i) {
    const Input& input = inputs.inputs[i];
    const int64_t at = row % input.rows * input.elements + element % input.elements;
    sum += Squash(Read(input, at)) / static_cast<float>(i + 1);
  }
  return sum;
}

// An element of an output, which is float32 or float16.
ARC2FACE_HD inline void Write(float sum, Arc2FaceType type, void* output, int64_t index) {
  if (type == ARC2FACE_FLOAT16) {
    static_cast<Half*>(output)[index] = ToHalf(Squash(sum));
  } else {
    static_cast<float*>(output)[index] = Squash(sum);
  }
}

// The definition. Writes one output, [rows, elements] of the given type, through `scratch`, of as many floats.
void EvaluateHost(const Inputs& inputs, int64_t rows, int64_t elements, float* scratch, Arc2FaceType type,
                  void* output);

}  // namespace arc2face::stand_in
