// The kernel of convert.h: queued on `stream`, pointers in device memory.
#pragma once

#include <cuda_runtime_api.h>

#include "convert.h"

namespace arc2face {

void ConvertCuda(ConstNetworkFloats from, NetworkFloats to, size_t count, cudaStream_t stream);

}  // namespace arc2face
