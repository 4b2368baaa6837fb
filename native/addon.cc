// The addon's exports (NativeAddon in lib/native.ts).
#include <napi.h>

#include "binding/about.h"
#include "binding/crop.h"
#include "binding/engines.h"
#include "binding/environment.h"
#include "binding/identities.h"
#include "binding/model.h"
#include "binding/watermark.h"
#include "process_end.h"
#include "provider/dynamic_library.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  // Node closes an addon when the last worker thread that uses it ends; the executors' threads stay.
  arc2face::KeepLibraryOpen(reinterpret_cast<const void*>(&Init));
  arc2face::StopWorkAtExit();
  auto* environment = new arc2face::Environment(env);
  env.SetInstanceData(environment);  // deleted with the environment
  environment->model_class = Napi::Persistent(arc2face::Model::Class(env));
  exports.Set("load", Napi::Function::New<arc2face::Load>(env, "load"));
  exports.Set("probeOnnxRuntime", Napi::Function::New<arc2face::ProbeOnnxRuntime>(env, "probeOnnxRuntime"));
  exports.Set("probeEngines", Napi::Function::New<arc2face::ProbeEngines>(env, "probeEngines"));
  exports.Set("findGpus", Napi::Function::New<arc2face::FindGpus>(env, "findGpus"));
  exports.Set("cropFace", Napi::Function::New<arc2face::CropFace>(env, "cropFace"));
  exports.Set("buildEngine", Napi::Function::New<arc2face::BuildEngine>(env, "buildEngine"));
  exports.Set("openIdentitySource", Napi::Function::New<arc2face::OpenIdentitySource>(env, "openIdentitySource"));
  exports.Set("openIdentityIndex", Napi::Function::New<arc2face::OpenIdentityIndex>(env, "openIdentityIndex"));
  exports.Set("embedWatermark", Napi::Function::New<arc2face::EmbedWatermark>(env, "embedWatermark"));
  exports.Set("readWatermark", Napi::Function::New<arc2face::ReadWatermark>(env, "readWatermark"));
  exports.Set("limits", arc2face::Limits(env));
  exports.Set("networks", arc2face::NetworkTable(env));
  return exports;
}

NODE_API_MODULE(arc2face, Init)
