// The core's limits and networks, for JavaScript.
#include "about.h"

#include "../operations/diffusion/step.h"
#include "../operations/face/face.h"
#include "../pipeline/networks.h"
#include "../pipeline/requests.h"
#include "marshal.h"

namespace arc2face {

Napi::Object Limits(Napi::Env env) {
  const Napi::Object limits = Napi::Object::New(env);
  const auto set = [&](const char* name, int64_t value) { limits.Set(name, static_cast<double>(value)); };
  set("embeddingLength", kEmbeddingSize);
  set("faceCropSide", kFaceCropSide);
  set("detectionSizeUnit", kDetectionSizeUnit);
  set("maxDetectionSize", kMaxDetectionSize);
  set("maxImageSide", kMaxImageSide);
  set("maxThreads", marshal::kMaxThreads);
  set("registers", kRegisters);
  set("maxAssignments", kMaxAssignments);
  return limits;
}

Napi::Array NetworkTable(Napi::Env env) {
  const Napi::Array table = Napi::Array::New(env, kNetworks.size());
  for (uint32_t i = 0; i < kNetworks.size(); ++i) {
    const Napi::Object row = Napi::Object::New(env);
    row.Set("name", kNetworks[i].name);
    row.Set("needed", IsNeeded(kNetworks[i].part));
    table.Set(i, row);
  }
  return table;
}

}  // namespace arc2face
