// What the core tells of itself, so that a test can hold lib against it.
#pragma once

#include <napi.h>

namespace arc2face {

// NativeLimits in lib/native.ts: each from where it is defined.
Napi::Object Limits(Napi::Env env);

// NativeNetworkRow[] in lib/native.ts: pipeline/networks.h.
Napi::Array NetworkTable(Napi::Env env);

}  // namespace arc2face
