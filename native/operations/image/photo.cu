// The kernels for photos of image.h.
#include "../../device/cuda/check.h"
#include "../../device/cuda/grid.h"
#include "image_cuda.h"
#include "image_pack.h"

namespace arc2face {
namespace {

// Blocks of 32 x 8 threads: a warp writes neighbouring columns, and nearby rows share what they read.
constexpr unsigned kColumns = 32, kRows = kBlockThreads / kColumns;

dim3 Grid(int packs, int height) {
  return {(static_cast<unsigned>(packs) + kColumns - 1) / kColumns,
          (static_cast<unsigned>(height) + kRows - 1) / kRows};
}

template <int kWidth>
__global__ void LetterboxKernel(PhotoView photo, Letterbox letterbox, ResizedSide columns, ResizedSide rows,
                                float* input) {
  const int x = static_cast<int>(blockIdx.x * kColumns + threadIdx.x) * kWidth;
  const int y = static_cast<int>(blockIdx.y * kRows + threadIdx.y);
  if (x < letterbox.input_width && y < letterbox.input_height) {
    LetterboxPack<kWidth>(photo, letterbox, columns, rows, x, y, input);
  }
}

template <int kWidth>
__global__ void AlignFaceKernel(PhotoView photo, Affine crop_to_photo, int size, float* input) {
  const int x = static_cast<int>(blockIdx.x * kColumns + threadIdx.x) * kWidth;
  const int y = static_cast<int>(blockIdx.y * kRows + threadIdx.y);
  if (x < size && y < size) AlignPack<kWidth>(photo, crop_to_photo, size, x, y, input);
}

// If rows are whole packs, so are planes.
bool MovesInPacks(int width, const float* input) { return width % kPackWidth<float> == 0 && IsAligned(input, 16); }

}  // namespace

void LetterboxCuda(PhotoView photo, const Letterbox& letterbox, float* input, cudaStream_t stream) {
  CheckLetterbox(photo, letterbox);
  const ResizedSide columns = ResizedColumns(photo.width, letterbox.resized_width);
  const ResizedSide rows = ResizedRows(photo.height, letterbox.resized_height);
  const dim3 block(kColumns, kRows);
  if (MovesInPacks(letterbox.input_width, input)) {
    constexpr int kWidth = kPackWidth<float>;
    LetterboxKernel<kWidth><<<Grid(letterbox.input_width / kWidth, letterbox.input_height), block, 0, stream>>>(
        photo, letterbox, columns, rows, input);
  } else {
    LetterboxKernel<1><<<Grid(letterbox.input_width, letterbox.input_height), block, 0, stream>>>(photo, letterbox,
                                                                                                  columns, rows, input);
  }
  CheckCuda(cudaGetLastError(), "queue the letterboxing of a photo");
}

void AlignFaceCuda(PhotoView photo, const Affine& photo_to_crop, int size, float* input, cudaStream_t stream) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the crop", size, size);
  const Affine crop_to_photo = Invert(photo_to_crop);
  const dim3 block(kColumns, kRows);
  if (MovesInPacks(size, input)) {
    constexpr int kWidth = kPackWidth<float>;
    AlignFaceKernel<kWidth><<<Grid(size / kWidth, size), block, 0, stream>>>(photo, crop_to_photo, size, input);
  } else {
    AlignFaceKernel<1><<<Grid(size, size), block, 0, stream>>>(photo, crop_to_photo, size, input);
  }
  CheckCuda(cudaGetLastError(), "queue the alignment of a face");
}

}  // namespace arc2face
