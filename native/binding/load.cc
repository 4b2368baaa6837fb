// The addon's load.
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../provider/tensorrt/tensorrt.h"
#include "environment.h"
#include "marshal.h"
#include "model.h"
#include "native_call.h"

namespace arc2face {

namespace {

// What runs the networks (NativeRuntime in lib/native.ts).
struct OnnxRuntime {
  std::string library;
  int threads;
};
struct Engines {
  tensorrt::LibraryPaths library;
  int gpu;
};
using Runtime = std::variant<OnnxRuntime, Engines>;

struct LoadRequest {
  Runtime runtime;
  std::vector<std::vector<std::byte>> graphs;
  PipelineSource source;
};

Runtime ReadRuntime(const Napi::Value& value) {
  const Napi::Object from = marshal::Object(value, "runtime");
  if (from.Has("engines")) {
    return Engines{marshal::LibraryPaths(from.Get("engines"), "runtime.engines"),
                   static_cast<int>(marshal::Integer(from.Get("gpu"), "runtime.gpu", 0, INT32_MAX))};
  }
  return OnnxRuntime{
      marshal::String(from.Get("onnxruntime"), "runtime.onnxruntime"),
      static_cast<int>(marshal::Integer(from.Get("threads"), "runtime.threads", 0, marshal::kMaxThreads))};
}

Prompt ReadPrompt(const Napi::Object& from) {
  Prompt prompt{marshal::Copy<int32_t>(from.Get("prompt"), "prompt"),
                marshal::Copy<int32_t>(from.Get("emptyPrompt"), "emptyPrompt"), 0};
  if (prompt.tokens.empty()) marshal::Refuse("at least one token", "prompt");
  if (prompt.empty_tokens.size() != prompt.tokens.size()) marshal::Refuse("as many tokens as in prompt", "emptyPrompt");
  prompt.identity_position = static_cast<int32_t>(marshal::Integer(from.Get("identityPosition"), "identityPosition", 0,
                                                                   static_cast<int64_t>(prompt.tokens.size()) - 1));
  return prompt;
}

Levels ReadLevels(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  const Napi::Object from = marshal::Object(value, "levels");
  const Napi::Array names = from.GetPropertyNames();
  Levels levels;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = marshal::String(names.Get(i), "levels");
    constexpr int kMost = 16;  // halvings, after which nothing is left of any image
    levels[name] = static_cast<int>(marshal::Integer(from.Get(name), "levels." + name, 0, kMost));
  }
  return levels;
}

std::shared_ptr<LoadRequest> ReadLoadRequest(const Napi::Value& value) {
  const Napi::Object from = marshal::Object(value, "request");
  auto request = std::make_shared<LoadRequest>();
  request->runtime = ReadRuntime(from.Get("runtime"));
  const bool engines = std::holds_alternative<Engines>(request->runtime);

  const marshal::Maps maps = marshal::Files(from.Get("files"), "files");
  const Napi::Object networks = marshal::Object(from.Get("networks"), "networks");
  // Vectors of bytes keep their memory when the vector that holds them grows.
  const auto network = [&](const char* name) {
    return engines ? marshal::Engine(networks.Get(name), name)
                   : marshal::Network(networks.Get(name), name, maps, request->graphs);
  };
  for (const NetworkRow& row : kNetworks) {
    if (networks.Has(row.name)) request->source.networks.push_back(network(row.name));
  }
  CheckComplete(request->source.networks);
  if (!Paints(request->source.networks)) return request;
  request->source.prompt = ReadPrompt(from);
  request->source.levels = ReadLevels(from.Get("levels"));
  request->source.pixels_per_latent =
      marshal::Integer(from.Get("pixelsPerLatent"), "pixelsPerLatent", 1, kMaxPixelsPerLatent);
  return request;
}

// Opens what runs the networks, and returns its device.
Device& Open(const Runtime& runtime, const MemoryNotice& notice, std::shared_ptr<Provider>& provider) {
  if (const auto* host = std::get_if<OnnxRuntime>(&runtime)) {
    provider = OpenOnnxRuntime(host->library, host->threads);
    return HostDevice();
  }
  const Engines& engines = std::get<Engines>(runtime);
  const tensorrt::EngineLibrary library(engines.library);
  Device& device = EngineDevice(library, engines.gpu);
  provider = OpenTensorRt(library, device, notice);
  return device;
}

}  // namespace

Napi::Value Load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const auto request = ReadLoadRequest(info[0]);
    auto listeners = ListenersOf(info[0].As<Napi::Object>(), {"onProgress", "onMemory"});
    const auto load = [request, mailbox = Environment::Of(env).mailbox()](uint64_t call, Interrupt& interrupt) {
      const auto report = [&](const std::string& network, size_t done, size_t total) {
        mailbox->Post([=](Napi::Env, Environment& to) {
          to.Tell(call, "onProgress", [=](Napi::Env env) -> Napi::Value {
            const Napi::Object progress = Napi::Object::New(env);
            progress.Set("network", network);
            progress.Set("done", static_cast<double>(done));
            progress.Set("total", static_cast<double>(total));
            return progress;
          });
        });
      };
      // By value: the provider keeps it.
      const auto tell_memory = [mailbox, call](const std::string& network, size_t bytes, size_t free_bytes) {
        mailbox->Post([=](Napi::Env, Environment& to) {
          to.Tell(call, "onMemory", [=](Napi::Env env) -> Napi::Value {
            const Napi::Object memory = Napi::Object::New(env);
            if (!network.empty()) memory.Set("network", network);
            memory.Set("bytes", static_cast<double>(bytes));
            memory.Set("freeBytes", static_cast<double>(free_bytes));
            return memory;
          });
        });
      };
      Device& device = Open(request->runtime, tell_memory, request->source.provider);
      try {
        return Pipeline::Load(device, request->source, report, interrupt);
      } catch (...) {
        request->source.provider.reset();
        device.Trim();  // the cause may be a lack of memory
        throw;
      }
    };
    // Not on the device's thread, which serves other models: building networks takes long.
    return StartTask<std::shared_ptr<Pipeline>>(env, Loader(), std::move(listeners), load, Model::Wrap);
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
