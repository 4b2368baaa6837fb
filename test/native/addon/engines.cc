// Engines, built through a provider library.
#include <napi.h>

#include <chrono>
#include <fstream>
#include <set>
#include <string>

#include "addon.h"
#include "error.h"
#include "network_source.h"
#include "provider/tensorrt/build.h"

namespace {

using namespace arc2face;

tensorrt::LibraryPaths ReadPaths(const Napi::Object& request) {
  return {.provider = request.Get("provider").ToString(),
          .core = request.Get("core").ToString(),
          .parser = request.Has("parser") ? request.Get("parser").ToString().Utf8Value() : ""};
}

// probeEngines({ provider, core, parser? }): { product, version }
Napi::Value ProbeEngines(const Napi::CallbackInfo& info) {
  const tensorrt::EngineLibrary library(ReadPaths(info[0].As<Napi::Object>()));
  const auto result = Napi::Object::New(info.Env());
  result.Set("product", library.api().product);
  result.Set("version", library.version());
  return result;
}

std::vector<Profile> ReadProfiles(const Napi::Array& from) {
  std::vector<Profile> profiles;
  for (uint32_t i = 0; i < from.Length(); ++i) {
    const auto one = from.Get(i).As<Napi::Object>();
    const Napi::Array names = one.GetPropertyNames();
    Profile& profile = profiles.emplace_back();
    for (uint32_t n = 0; n < names.Length(); ++n) {
      profile.push_back({.input = names.Get(n).ToString(), .shape = ReadShape(one.Get(names.Get(n)))});
    }
  }
  return profiles;
}

// buildEngine(request): { bytes, phases }
//   provider, core, parser   paths
//   graph | file, weights    as for runNetwork
//   profiles                 [{ [input]: shape }]
// and optionally
//   capabilities             [89]
//   to                       path of the file to write
//   stopAfter                reports of progress after which the build is cancelled
Napi::Value BuildEngineFile(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  const tensorrt::EngineLibrary library(ReadPaths(request));
  NetworkSource source = ReadSource(request);
  source.profiles = ReadProfiles(request.Get("profiles").As<Napi::Array>());
  tensorrt::BuildOptions options;
  if (request.Has("capabilities")) {
    for (const int64_t one : ReadShape(request.Get("capabilities"))) {
      options.capabilities.push_back(static_cast<int32_t>(one));
    }
  }
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

}  // namespace

void ExportEngines(Napi::Env env, Napi::Object exports) {
  exports.Set("probeEngines", Napi::Function::New(env, Typed<ProbeEngines>, "probeEngines"));
  exports.Set("buildEngine", Napi::Function::New(env, Typed<BuildEngineFile>, "buildEngine"));
}
