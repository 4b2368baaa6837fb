// The kernels of image.h's operations: queued on `stream`, pointers in device memory. They throw what the definitions
// throw.
#pragma once

#include "image.h"

struct CUstream_st;  // a pointer to it is a cudaStream_t

namespace arc2face {

void LetterboxCuda(PhotoView photo, const Letterbox& letterbox, float* input, CUstream_st* stream);
void AlignFaceCuda(PhotoView photo, const Affine& photo_to_crop, int size, float* input, CUstream_st* stream);
void QuantiseCuda(ConstNetworkFloats image, int height, int width, uint8_t* rgb, CUstream_st* stream);

}  // namespace arc2face
