#include "engines.h"

#include "../provider/tensorrt/engine_library.h"
#include "marshal.h"
#include "native_call.h"

namespace arc2face {

Napi::Value ProbeEngines(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Object paths = marshal::Object(info[0], "paths");
    const tensorrt::EngineLibrary library({
        .provider = marshal::String(paths.Get("provider"), "provider"),
        .core = marshal::String(paths.Get("core"), "core"),
        .parser = paths.Get("parser").IsUndefined() ? "" : marshal::String(paths.Get("parser"), "parser"),
    });
    const Napi::Object result = Napi::Object::New(info.Env());
    result.Set("product", library.api().product);
    result.Set("version", library.version());
    return result;
  });
}

}  // namespace arc2face
