// The addon's probeEngines and findGpus.
#include "engines.h"

#include <string>

#include "../device/cuda.h"
#include "../provider/tensorrt/engine_library.h"
#include "environment.h"
#include "marshal.h"

namespace arc2face {

namespace {

// 13000 -> "13.0"
std::string CudaVersion(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

Napi::Value ProbeEngines(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const tensorrt::EngineLibrary library(marshal::LibraryPaths(info[0], "paths"));
    const Napi::Object result = Napi::Object::New(info.Env());
    result.Set("product", library.api().product);
    result.Set("version", library.version());
    return result;
  });
}

Napi::Value FindGpus(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const CudaSurvey survey = FindCudaGpus();
    const Napi::Object result = Napi::Object::New(env);
    if (survey.runtime_version != 0) result.Set("runtime", CudaVersion(survey.runtime_version));
    if (survey.driver_version != 0) result.Set("driver", CudaVersion(survey.driver_version));
    const Napi::Array gpus = Napi::Array::New(env, survey.gpus.size());
    for (uint32_t i = 0; i < survey.gpus.size(); ++i) {
      const CudaGpu& found = survey.gpus[i];
      const Napi::Object gpu = Napi::Object::New(env);
      gpu.Set("name", found.name);
      gpu.Set("capability", found.capability);
      gpu.Set("memory", static_cast<double>(found.memory));
      gpu.Set("multiprocessors", found.multiprocessors);
      gpu.Set("supported", found.supported);
      gpus.Set(i, gpu);
    }
    result.Set("gpus", gpus);
    if (!survey.obstacle.empty()) result.Set("obstacle", survey.obstacle);
    return result;
  });
}

}  // namespace arc2face
