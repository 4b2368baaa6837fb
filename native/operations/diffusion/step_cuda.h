// The kernels of step.h's operations: queued on `stream`, all pointers in device memory.
#pragma once

#include "step.h"

struct CUstream_st;  // a pointer to it is a cudaStream_t

namespace arc2face {

void GatherRowsCuda(const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample, float* timesteps,
                    CUstream_st* stream);

void ApplyStepCuda(BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps, CUstream_st* stream);

}  // namespace arc2face
