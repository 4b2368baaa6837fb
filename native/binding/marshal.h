// JavaScript values -> plain C++, each checked: bad ones throw kInvalidArgument, naming the field.
#pragma once

#include <napi.h>

#include <span>
#include <string>
#include <vector>

#include "../error.h"
#include "../operations/diffusion/step.h"
#include "../provider/provider.h"
#include "../provider/tensorrt/engine_library.h"

namespace arc2face::marshal {

inline constexpr int64_t kMaxThreads = 1024;

[[noreturn]] void Refuse(const std::string& expected, const std::string& name);

Napi::Object Object(const Napi::Value& value, const std::string& name);
Napi::Array Array(const Napi::Value& value, const std::string& name);
std::string String(const Napi::Value& value, const std::string& name);
bool Boolean(const Napi::Value& value, const std::string& name);
double Number(const Napi::Value& value, const std::string& name);
int64_t Integer(const Napi::Value& value, const std::string& name, int64_t least, int64_t most);
// Empty for undefined.
Napi::FunctionReference OptionalFunction(const Napi::Value& value, const std::string& name);

// A view of a typed array's elements; valid until JavaScript runs again.
template <typename T>
std::span<const T> TypedArray(const Napi::Value& value, const std::string& name);

template <typename T>
std::vector<T> Copy(const Napi::Value& value, const std::string& name) {
  const auto view = TypedArray<T>(value, name);
  return {view.begin(), view.end()};
}

// A packed plan, lib/samplers/plan.ts.
arc2face::Plan Plan(const Napi::Value& value, const std::string& name);

// EngineLibraryPaths in lib/native.ts.
tensorrt::LibraryPaths LibraryPaths(const Napi::Value& value, const std::string& name);

// The files of a request, mapped.
using Maps = std::vector<std::shared_ptr<const MemoryMap>>;
Maps Files(const Napi::Value& value, const std::string& name);

// Networks over `maps`, the open files of the request (NativeNetwork in lib/native.ts). The graph's bytes are copied to
// `graphs`, which the source points into.
NetworkSource Network(const Napi::Value& value, const std::string& name, const Maps& maps,
                      std::vector<std::vector<std::byte>>& graphs);

// NativeEngine in lib/native.ts.
NetworkSource Engine(const Napi::Value& value, const std::string& name);

// At least one of NativeProfile in lib/native.ts.
std::vector<Profile> Profiles(const Napi::Value& value, const std::string& name);

}  // namespace arc2face::marshal
