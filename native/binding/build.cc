// The addon's buildEngine.
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../pipeline/turns.h"
#include "../provider/tensorrt/build.h"
#include "../provider/tensorrt/new_file.h"
#include "../provider/tensorrt/tensorrt.h"
#include "engines.h"
#include "environment.h"
#include "marshal.h"
#include "native_call.h"

namespace arc2face {

namespace {

struct BuildRequest {
  tensorrt::LibraryPaths library;
  std::vector<std::vector<std::byte>> graphs;
  NetworkSource source;
  tensorrt::BuildOptions options;
  std::optional<int> gpu;  // to build on; if absent, the options say what for
  std::string to;
};

void ReadTarget(const Napi::Object& from, BuildRequest& request) {
  if (from.Has("gpu")) {
    request.gpu = static_cast<int>(marshal::Integer(from.Get("gpu"), "target.gpu", 0, INT32_MAX));
    return;
  }
  const Napi::Array capabilities = marshal::Array(from.Get("capabilities"), "target.capabilities");
  if (capabilities.Length() == 0) marshal::Refuse("at least one compute capability", "target.capabilities");
  for (uint32_t i = 0; i < capabilities.Length(); ++i) {
    request.options.capabilities.push_back(
        static_cast<int32_t>(marshal::Integer(capabilities.Get(i), "target.capabilities", 0, 1000)));
  }
}

std::shared_ptr<BuildRequest> ReadBuildRequest(const Napi::Value& value) {
  const Napi::Object from = marshal::Object(value, "request");
  auto request = std::make_shared<BuildRequest>();
  request->library = marshal::LibraryPaths(from.Get("library"), "library");
  const marshal::Maps maps = marshal::Files(from.Get("files"), "files");
  request->source = marshal::Network(from.Get("network"), "network", maps, request->graphs);
  request->source.name = marshal::String(from.Get("name"), "name");
  request->source.profiles = marshal::Profiles(from.Get("profiles"), "profiles");
  ReadTarget(marshal::Object(from.Get("target"), "target"), *request);
  request->to = marshal::String(from.Get("to"), "to");
  if (from.Has("timings")) request->options.timings = marshal::String(from.Get("timings"), "timings");
  request->options.inspectable = from.Get("inspectable").ToBoolean();
  return request;
}

// Builds take minutes and gigabytes: one at a time, and not on the thread that loads models.
Executor& Builder() {
  static auto& builder = *new Executor;
  return builder;
}

}  // namespace

Napi::Value BuildEngine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const auto request = ReadBuildRequest(info[0]);
    auto listeners = ListenersOf(info[0].As<Napi::Object>(), {"onProgress"});
    const auto build = [request, mailbox = Environment::Of(env).mailbox()](uint64_t call, Interrupt& interrupt) {
      const auto report = [&](const std::string& phase, int step, int steps) {
        mailbox->Post([=](Napi::Env, Environment& to) {
          to.Tell(call, "onProgress", [=](Napi::Env env) -> Napi::Value {
            const Napi::Object progress = Napi::Object::New(env);
            progress.Set("phase", phase);
            progress.Set("step", step);
            progress.Set("steps", steps);
            return progress;
          });
        });
      };
      const tensorrt::EngineLibrary library(request->library);
      std::optional<Turns::Alone> alone;
      std::shared_lock<std::shared_mutex> no_captures;
      if (request->gpu) {
        Device& device = EngineDevice(library, *request->gpu);
        device.MakeCurrent();
        alone.emplace(TurnsOf(device), interrupt, [&] { report("waiting", 0, 0); });
        no_captures = std::shared_lock(device.captures());
      }
      tensorrt::NewFile file(request->to);
      tensorrt::BuildEngine(
          library, request->source, request->options, report,
          [&](std::span<const std::byte> part) { file.Write(part); }, interrupt);
      file.Finish();
      return std::monostate{};
    };
    return StartTask<std::monostate>(env, Builder(), std::move(listeners), build,
                                     [](Napi::Env env, std::monostate) { return env.Undefined(); });
  });
}

}  // namespace arc2face
