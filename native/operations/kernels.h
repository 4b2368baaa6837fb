// How an operation finds its implementation: the definition if the stream is the host's, the kernel if it is an
// NVIDIA GPU's. A new operation needs only files in this folder; a build without CUDA has no kernels to link.
#pragma once

#include "../device/device.h"

struct CUstream_st;  // CUDA's cudaStream_t is a pointer to it; its headers are not everywhere

namespace arc2face {

#ifdef ARC2FACE_WITH_CUDA
inline constexpr bool kHasKernels = true;
#else
inline constexpr bool kHasKernels = false;
#endif

// To queue one more kernel on; null on the host.
inline CUstream_st* CudaStreamOf(Stream& stream) { return static_cast<CUstream_st*>(stream.handle()); }

}  // namespace arc2face
