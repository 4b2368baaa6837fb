// Engines and the GPUs for them, as JavaScript sees them.
#pragma once

#include <napi.h>

namespace arc2face {

// probeEngines({ provider, core, parser? }): { product, version }
Napi::Value ProbeEngines(const Napi::CallbackInfo& info);

// findGpus(): NativeGpus
Napi::Value FindGpus(const Napi::CallbackInfo& info);

// buildEngine(request): NativeCall<void>
Napi::Value BuildEngine(const Napi::CallbackInfo& info);

}  // namespace arc2face
