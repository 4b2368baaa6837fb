// Builds engines through a provider library.
#include <napi.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "addon.h"
#include "binding/marshal.h"
#include "error.h"
#include "network_source.h"
#include "provider/tensorrt/build.h"

namespace {

using namespace arc2face;

// probeEngines({ provider, core, parser? }): { product, version }
Napi::Value ProbeEngines(const Napi::CallbackInfo& info) {
  const tensorrt::EngineLibrary library(marshal::LibraryPaths(info[0], "paths"));
  const auto result = Napi::Object::New(info.Env());
  result.Set("product", library.api().product);
  result.Set("version", library.version());
  return result;
}

// buildEngine(request): { bytes, phases }
//   provider, core, parser   paths
//   graph | file, weights    as for runNetwork
//   profiles                 [{ [input]: shape }]
// and optionally
//   capabilities             [89]
//   to                       path of the file to write
//   stopAfter                progress reports after which the build is cancelled
//   timings                  path of the file of timings
Napi::Value BuildEngineFile(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  const tensorrt::EngineLibrary library(marshal::LibraryPaths(request, "request"));
  NetworkSource source = ReadSource(request);
  source.profiles = marshal::Profiles(request.Get("profiles"), "profiles");
  tensorrt::BuildOptions options;
  if (request.Has("capabilities")) {
    for (const int64_t one : ReadShape(request.Get("capabilities"))) {
      options.capabilities.push_back(static_cast<int32_t>(one));
    }
  }
  if (request.Has("timings")) options.timings = request.Get("timings").ToString().Utf8Value();
  std::ofstream file;
  if (request.Has("to")) file.open(request.Get("to").ToString().Utf8Value(), std::ios::binary);
  int64_t left = request.Has("stopAfter") ? request.Get("stopAfter").ToNumber().Int64Value() : -1;

  size_t bytes = 0;
  std::set<std::string> phases;
  Interrupt interrupt;
  tensorrt::BuildEngine(
      library, source, options,
      [&](const std::string& phase, int, int) {
        phases.insert(phase);
        if (left >= 0 && left-- == 0) interrupt.Request();
      },
      [&](std::span<const std::byte> part) {
        bytes += part.size();
        if (file.is_open()) {
          file.write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
        }
      },
      interrupt);

  const auto result = Napi::Object::New(info.Env());
  result.Set("bytes", static_cast<double>(bytes));
  result.Set("phases", static_cast<double>(phases.size()));
  return result;
}

// runEngine({ provider, core, parser?, engine }): opens an engine file and runs its first profile, without memory, on
// no stream: for libraries that compute nothing.
Napi::Value RunEngine(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  const tensorrt::EngineLibrary library(marshal::LibraryPaths(request, "request"));
  const auto file = request.Get("engine").As<Napi::Uint8Array>();
  const Arc2FaceEngineApi& api = library.api();
  Arc2FaceMessage message{};
  const auto check = [&](Arc2FaceStatus status) { tensorrt::Check(status, message, "The engine", {}); };
  Arc2FaceEngine* engine = nullptr;
  check(api.OpenEngine(library.get(), file.Data(), file.ByteLength(), &engine, &message));
  const std::unique_ptr<Arc2FaceEngine, void (*)(Arc2FaceEngine*)> close_engine(engine, api.CloseEngine);
  Arc2FaceContext* context = nullptr;
  check(api.MakeContext(engine, 0, nullptr, &context, &message));
  const std::unique_ptr<Arc2FaceContext, void (*)(Arc2FaceContext*)> close_context(context, api.CloseContext);
  check(api.Enqueue(context, nullptr, &message));
  return info.Env().Undefined();
}

}  // namespace

void ExportEngines(Napi::Env env, Napi::Object exports) {
  exports.Set("probeEngines", Napi::Function::New(env, Typed<ProbeEngines>, "probeEngines"));
  exports.Set("buildEngine", Napi::Function::New(env, Typed<BuildEngineFile>, "buildEngine"));
  exports.Set("runEngine", Napi::Function::New(env, Typed<RunEngine>, "runEngine"));
}
