// Crops of faces, without a model.
#pragma once

#include <napi.h>

namespace arc2face {

// cropFace({ photo, keypoints }): NativeCall<Uint8Array>
Napi::Value CropFace(const Napi::CallbackInfo& info);

}  // namespace arc2face
