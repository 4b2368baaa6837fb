// The limits that the core shares with lib, each from where it is defined.
#pragma once

#include <napi.h>

namespace arc2face {

// NativeLimits in lib/native.ts.
Napi::Object Limits(Napi::Env env);

}  // namespace arc2face
