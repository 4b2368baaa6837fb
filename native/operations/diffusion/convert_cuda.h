// The kernel of convert.h: queued on `stream`, pointers in device memory.
#pragma once

#include "convert.h"

struct CUstream_st;  // a pointer to it is a cudaStream_t

namespace arc2face {

void ConvertCuda(ConstNetworkFloats from, NetworkFloats to, size_t count, CUstream_st* stream);

}  // namespace arc2face
