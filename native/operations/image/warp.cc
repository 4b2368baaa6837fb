// Warping and aligning photos.
#include <vector>

#include "../kernels.h"
#include "image.h"
#include "image_cuda.h"
#include "normalise.h"
#include "sample.h"

namespace arc2face {

void WarpAffineHost(PhotoView photo, const Affine& photo_to_crop, int size, uint8_t* crop) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the crop", size, size);
  const Affine crop_to_photo = Invert(photo_to_crop);
  std::vector<PhotoPosition> columns(size);
  for (int i = 0; i < size; ++i) columns[i] = ColumnPart(crop_to_photo, i);
  for (int j = 0; j < size; ++j) {
    const PhotoPosition row = RowPart(crop_to_photo, j);
    for (int i = 0; i < size; ++i, crop += 3) Sample(photo, Sum(row, columns[i]), crop);
  }
}

void AlignFaceHost(PhotoView photo, const Affine& photo_to_crop, int size, float* input) {
  CheckSize("the crop", size, size);
  const size_t pixels = static_cast<size_t>(size) * static_cast<size_t>(size);
  std::vector<uint8_t> crop(3 * pixels);
  WarpAffineHost(photo, photo_to_crop, size, crop.data());
  for (int y = 0; y < size; ++y) {
    const size_t row = static_cast<size_t>(y) * static_cast<size_t>(size);
    NormaliseRow(crop.data() + 3 * row, size, kRecogniserDivisor, input + row, pixels);
  }
}

void AlignFace(Stream& stream, PhotoView photo, const Affine& photo_to_crop, int size, float* input) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) return AlignFaceCuda(photo, photo_to_crop, size, input, cuda);
  }
  AlignFaceHost(photo, photo_to_crop, size, input);
}

}  // namespace arc2face
