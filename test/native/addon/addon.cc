// The test addon's exports: operations, networks and engines of the core, for tests in TypeScript to check
// against golden data.
#include "addon.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ExportOperations(env, exports);
  ExportNetworks(env, exports);
  ExportEngines(env, exports);
  return exports;
}

NODE_API_MODULE(arc2face_inside, Init)
