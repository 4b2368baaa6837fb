#include <string>
#include <utility>
#include <vector>

#include "environment.h"
#include "marshal.h"
#include "model.h"
#include "native_call.h"

namespace arc2face {

namespace {

struct LoadRequest {
  std::string library;
  int threads;
  std::vector<std::vector<std::byte>> graphs;
  PipelineSource source;
};

Prompt ReadPrompt(const Napi::Object& from) {
  Prompt prompt{marshal::Copy<int32_t>(from.Get("prompt"), "prompt"),
                marshal::Copy<int32_t>(from.Get("emptyPrompt"), "emptyPrompt"), 0};
  if (prompt.tokens.empty()) marshal::Refuse("at least one token", "prompt");
  if (prompt.empty_tokens.size() != prompt.tokens.size()) marshal::Refuse("as many tokens as in prompt", "emptyPrompt");
  prompt.identity_position = static_cast<int32_t>(marshal::Integer(from.Get("identityPosition"), "identityPosition", 0,
                                                                   static_cast<int64_t>(prompt.tokens.size()) - 1));
  return prompt;
}

std::shared_ptr<LoadRequest> ReadLoadRequest(const Napi::Value& value) {
  const Napi::Object from = marshal::Object(value, "request");
  auto request = std::make_shared<LoadRequest>();
  request->library = marshal::String(from.Get("library"), "library");
  request->threads = static_cast<int>(marshal::Integer(from.Get("threads"), "threads", 0, 1024));

  std::vector<std::shared_ptr<const MemoryMap>> maps;
  const Napi::Array files = marshal::Array(from.Get("files"), "files");
  for (uint32_t i = 0; i < files.Length(); ++i) {
    maps.push_back(MemoryMap::Open(marshal::String(files.Get(i), "files[" + std::to_string(i) + "]")));
  }
  const Napi::Object networks = marshal::Object(from.Get("networks"), "networks");
  const auto network = [&](const char* name) {
    return marshal::Network(networks.Get(name), name, maps, request->graphs);
  };
  const bool reads_faces = networks.Has("detector");
  if (reads_faces != networks.Has("recognizer")) marshal::Refuse("both or none of detector and recognizer", "networks");
  // Vectors of bytes keep their memory when the vector that holds them grows.
  if (reads_faces) {
    request->source.detector = network("detector");
    request->source.recognizer = network("recognizer");
  }
  request->source.text_encoder = network("textEncoder");
  request->source.unet = network("unet");
  request->source.vae_decoder = network("vaeDecoder");
  request->source.prompt = ReadPrompt(from);
  request->source.pixels_per_latent = marshal::Integer(from.Get("pixelsPerLatent"), "pixelsPerLatent", 1, 64);
  return request;
}

}  // namespace

Napi::Value Load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const auto request = ReadLoadRequest(info[0]);
    Environment& environment = Environment::Of(env);
    const auto deferred = Napi::Promise::Deferred::New(env);
    const uint64_t number = environment.Open(
        deferred, marshal::OptionalFunction(info[0].As<Napi::Object>().Get("onProgress"), "onProgress"), {});
    const auto loading = std::make_shared<Environment::Loading>();

    const auto on_progress = [mailbox = environment.mailbox(), number](const std::string& network, size_t done,
                                                                       size_t total) {
      mailbox->Post([=](Napi::Env, Environment& to) {
        to.Progress(number, [=](Napi::Env env) -> Napi::Value {
          const Napi::Object progress = Napi::Object::New(env);
          progress.Set("network", network);
          progress.Set("done", static_cast<double>(done));
          progress.Set("total", static_cast<double>(total));
          return progress;
        });
      });
    };
    // Not on the device's thread: building networks takes long, and that one has other models to serve.
    Loader().Post([mailbox = environment.mailbox(), number, request, loading, on_progress] {
      std::shared_ptr<Pipeline> pipeline;
      std::exception_ptr error;
      try {
        if (loading->interrupt.requested()) throw Error(ErrorCode::kCancelled, "Loading was cancelled.");
        request->source.provider = OpenOnnxRuntime(request->library, request->threads);
        pipeline = Pipeline::Load(HostDevice(), request->source, on_progress, loading->interrupt);
      } catch (...) {
        error = CurrentError();
      }
      mailbox->Post([=](Napi::Env, Environment& to) {
        to.loadings().erase(number);
        if (pipeline) {
          to.Resolve(number, [&](Napi::Env env) { return Model::Wrap(env, pipeline); });
        } else {
          to.Reject(number, error);
        }
      });
      pipeline.reset();  // whoever waits for the end may be about to end the process
      loading->ended.set_value();
    });
    environment.loadings().emplace(number, loading);
    return NativeCall(env, deferred.Promise(), [loading] { loading->interrupt.Request(); });
  });
}

Napi::Value ProbeOnnxRuntime(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const auto provider = OpenOnnxRuntime(marshal::String(info[0], "library"), 1);
    const Napi::Object result = Napi::Object::New(info.Env());
    result.Set("version", provider->version());
    return result;
  });
}

}  // namespace arc2face
