// The loaded model as a JavaScript object (NativeModel and NativeJudges in lib/native.ts).
#pragma once

#include <napi.h>

#include <memory>

#include "../pipeline/pipeline.h"

namespace arc2face {

class Model : public Napi::ObjectWrap<Model> {
 public:
  static Napi::Function Class(Napi::Env env);
  static Napi::Value Wrap(Napi::Env env, std::shared_ptr<Pipeline> pipeline);

  explicit Model(const Napi::CallbackInfo& info);
  // Even without dispose(), the networks are freed.
  ~Model() override;

 private:
  Napi::Value Detect(const Napi::CallbackInfo& info);
  Napi::Value Encode(const Napi::CallbackInfo& info);
  Napi::Value Generate(const Napi::CallbackInfo& info);
  Napi::Value Features(const Napi::CallbackInfo& info);
  Napi::Value Distance(const Napi::CallbackInfo& info);
  Napi::Value Usage(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<Pipeline> pipeline_;
};

// load(request): NativeCall<NativeModel> or NativeCall<NativeJudges>
Napi::Value Load(const Napi::CallbackInfo& info);
// probeOnnxRuntime(library): { version }
Napi::Value ProbeOnnxRuntime(const Napi::CallbackInfo& info);

}  // namespace arc2face
