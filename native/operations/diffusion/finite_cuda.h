// The kernel of finite.h: queued on `stream`, pointers in device memory.
#pragma once

#include "finite.h"

struct CUstream_st;  // a pointer to it is a cudaStream_t

namespace arc2face {

void FindNotFiniteCuda(ConstNetworkFloats values, size_t count, uint32_t* found, CUstream_st* stream);

}  // namespace arc2face
