// Where the stand-in's engines compute. Each place has a library, which includes place_host.cc or place_cuda.cu.
#pragma once

#include "evaluate.h"

namespace arc2face::stand_in {

// 1 in host memory, 0 in a GPU's.
int32_t ComputesInHostMemory() noexcept;

// EvaluateHost there: at once in host memory, or queued on `stream`, a cudaStream_t that may be capturing.
void Evaluate(const Inputs& inputs, int64_t rows, int64_t elements, float* scratch, Arc2FaceType type, void* output,
              void* stream);

}  // namespace arc2face::stand_in
