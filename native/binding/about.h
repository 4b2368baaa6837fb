// What the core says about itself, so that a test can compare lib with it.
#pragma once

#include <napi.h>

namespace arc2face {

// NativeLimits in lib/native.ts, each taken from its definition.
Napi::Object Limits(Napi::Env env);

// NativeNetworkRow[] in lib/native.ts: pipeline/networks.h.
Napi::Array NetworkTable(Napi::Env env);

}  // namespace arc2face
