// Resizing by Pillow's rule, which diffusers' pipelines use for photos and masks. On the host: a photo is resized once
// a call, in a fraction of a step's time.
#pragma once

#include <cstdint>
#include <vector>

#include "image.h"

namespace arc2face {

// Pillow's Image.resize((width, height), LANCZOS), every byte: [height, width, 3].
std::vector<uint8_t> ResizeLanczos(PhotoView photo, int width, int height);

}  // namespace arc2face
