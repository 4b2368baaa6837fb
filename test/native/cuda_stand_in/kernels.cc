// The definitions instead of the kernels, queued like them.
#include "operations/diffusion/convert_cuda.h"
#include "operations/diffusion/finite_cuda.h"
#include "operations/diffusion/step_cuda.h"
#include "operations/image/image_cuda.h"
#include "runtime.h"

namespace arc2face {

using testing::Launch;

void LetterboxCuda(PhotoView photo, const Letterbox& letterbox, float* input, cudaStream_t stream) {
  CheckLetterbox(photo, letterbox);
  Launch(stream, [=] { LetterboxHost(photo, letterbox, input); });
}

void AlignFaceCuda(PhotoView photo, const Affine& photo_to_crop, int size, float* input, cudaStream_t stream) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the crop", size, size);
  Invert(photo_to_crop);
  Launch(stream, [=] { AlignFaceHost(photo, photo_to_crop, size, input); });
}

void QuantiseCuda(ConstNetworkFloats image, int height, int width, uint8_t* rgb, cudaStream_t stream) {
  CheckedPixels(height, width);
  Launch(stream, [=] { QuantiseHost(image, height, width, rgb); });
}

void GatherRowsCuda(const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample, float* timesteps,
                    cudaStream_t stream) {
  Launch(stream, [=] { GatherRowsHost(slots, count, elements, sample, timesteps); });
}

void ApplyStepCuda(BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps, cudaStream_t stream) {
  Launch(stream, [=] { ApplyStepHost(slots, count, elements, eps); });
}

void ConvertCuda(ConstNetworkFloats from, NetworkFloats to, size_t count, cudaStream_t stream) {
  Launch(stream, [=] { ConvertHost(from, to, count); });
}

void FindNotFiniteCuda(ConstNetworkFloats values, size_t count, uint32_t* found, cudaStream_t stream) {
  Launch(stream, [=] { FindNotFiniteHost(values, count, found); });
}

}  // namespace arc2face
