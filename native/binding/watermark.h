// The invisible watermark, without a model.
#pragma once

#include <napi.h>

namespace arc2face {

// embedWatermark(image, payload): NativeCall<Uint8Array>
Napi::Value EmbedWatermark(const Napi::CallbackInfo& info);

// readWatermark(image): NativeCall<NativeWatermark | undefined>
Napi::Value ReadWatermark(const Napi::CallbackInfo& info);

}  // namespace arc2face
