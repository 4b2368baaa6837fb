// Identities of nobody, and the search among them, as JavaScript sees them.
#pragma once

#include <napi.h>

namespace arc2face {

// openIdentitySource({ seed, mean?, components? }): NativeIdentitySource
Napi::Value OpenIdentitySource(const Napi::CallbackInfo& info);

// openIdentityIndex(): NativeIdentityIndex
Napi::Value OpenIdentityIndex(const Napi::CallbackInfo& info);

}  // namespace arc2face
