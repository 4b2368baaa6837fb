// The kernels of image.h's operations: queued on `stream`, pointers in device memory. They throw what the definitions
// throw.
#pragma once

#include <cuda_runtime_api.h>

#include "image.h"

namespace arc2face {

void LetterboxCuda(PhotoView photo, const Letterbox& letterbox, float* input, cudaStream_t stream);
void AlignFaceCuda(PhotoView photo, const Affine& photo_to_crop, int size, float* input, cudaStream_t stream);
void QuantiseCuda(ConstNetworkFloats image, int height, int width, uint8_t* rgb, cudaStream_t stream);

}  // namespace arc2face
