// Provider libraries for NVIDIA GPUs, as JavaScript sees them.
#pragma once

#include <napi.h>

namespace arc2face {

// probeEngines({ provider, core, parser? }): { product, version }
Napi::Value ProbeEngines(const Napi::CallbackInfo& info);

}  // namespace arc2face
