// The addon's cropFace.
#include "crop.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../operations/face/face.h"
#include "../operations/image/image.h"
#include "environment.h"
#include "marshal.h"
#include "native_call.h"
#include "photos.h"

namespace arc2face {

namespace {

// Crops take less than a millisecond, and must not wait for models that load.
Executor& Cropper() {
  static auto& cropper = *new Executor;
  return cropper;
}

std::vector<uint8_t> Crop(const Photo& photo, const Keypoints& keypoints) {
  const Affine photo_to_crop = EstimateAlignment(keypoints, kFaceCropSide);
  std::vector<uint8_t> crop(size_t{3} * kFaceCropSide * kFaceCropSide);
  WarpAffineHost({photo.data.get(), photo.width, photo.height}, photo_to_crop, kFaceCropSide, crop.data());
  return crop;
}

}  // namespace

Napi::Value CropFace(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const Napi::Object from = marshal::Object(info[0], "request");
    const Photo photo = ReadPhoto(from.Get("photo"), "photo");
    const Keypoints keypoints = ReadKeypoints(from.Get("keypoints"), "keypoints");
    return StartTask<std::vector<uint8_t>>(
        env, Cropper(), {}, [=](uint64_t, Interrupt&) { return Crop(photo, keypoints); },
        [](Napi::Env env, const std::vector<uint8_t>& crop) -> Napi::Value {
          auto bytes = Napi::Uint8Array::New(env, crop.size());
          std::copy(crop.begin(), crop.end(), bytes.Data());
          return bytes;
        });
  });
}

}  // namespace arc2face
