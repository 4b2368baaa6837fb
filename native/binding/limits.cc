#include "limits.h"

#include "../operations/diffusion/step.h"
#include "../pipeline/requests.h"
#include "marshal.h"

namespace arc2face {

Napi::Object Limits(Napi::Env env) {
  const Napi::Object limits = Napi::Object::New(env);
  const auto set = [&](const char* name, int64_t value) { limits.Set(name, static_cast<double>(value)); };
  set("embeddingLength", kEmbeddingSize);
  set("detectionSizeUnit", kDetectionSizeUnit);
  set("maxDetectionSize", kMaxDetectionSize);
  set("maxImageSide", kMaxImageSide);
  set("maxThreads", marshal::kMaxThreads);
  set("registers", kRegisters);
  set("maxAssignments", kMaxAssignments);
  return limits;
}

}  // namespace arc2face
