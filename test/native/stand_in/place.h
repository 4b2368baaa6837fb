// Where the stand-in's engines compute. There is a library for each place: place_host.cc or place_cuda.cu is part of
// it.
#pragma once

#include "evaluate.h"

namespace arc2face::stand_in {

// 1 in host memory, 0 in a GPU's.
int32_t ComputesInHostMemory() noexcept;

// What EvaluateHost does, there: at once in host memory, or queued on `stream`, a cudaStream_t that may be capturing.
void Evaluate(const Inputs& inputs, int64_t rows, int64_t elements, float* scratch, Arc2FaceType type, void* output,
              void* stream);

}  // namespace arc2face::stand_in
