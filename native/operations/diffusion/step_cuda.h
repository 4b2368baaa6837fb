// The kernels of step.h's operations: queued on `stream`, all pointers in device memory, one launch for up to
// kSlotsPerLaunch slots.
#pragma once

#include <cuda_runtime_api.h>

#include "step.h"

namespace arc2face {

// At most what a grid's second dimension takes.
inline constexpr size_t kSlotsPerLaunch = 1024;

void GatherRowsCuda(const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample, float* timesteps,
                    cudaStream_t stream);

// `arrivals`: kSlotsPerLaunch zeros that only this stream's launches use; they are zeros again afterwards.
void ApplyStepCuda(BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps, unsigned* arrivals,
                   cudaStream_t stream);

}  // namespace arc2face
