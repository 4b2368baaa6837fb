// A provider library's table in which one call fails, and which counts what is open, and how often a UNet is evaluated.
#pragma once

#include <atomic>
#include <cstring>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>

#include "provider/tensorrt/abi.h"

namespace arc2face::testing {

struct Faults {
  const Arc2FaceEngineApi* real = nullptr;
  std::atomic<int> calls = 0;     // of functions that return a status
  std::atomic<int> fail_at = -1;  // the call, counted from 0, that fails without being made
  Arc2FaceStatus status = ARC2FACE_FAILED;
  std::atomic<int> engines = 0, contexts = 0;  // open
  std::atomic<int> evaluations = 0;            // of UNets
  std::mutex mutex;
  std::set<const Arc2FaceContext*> unets;  // open contexts of such an engine; guarded by `mutex`

  void Restart(int at) {
    calls = 0;
    evaluations = 0;
    fail_at = at;
  }
};
inline Faults faults;  // a table's functions can't reach it otherwise

// Whether an engine predicts noise, by the name of its output (models/unet.ts).
inline bool IsUNet(const Arc2FaceEngine* engine) {
  for (uint32_t i = 0; i < faults.real->TensorCount(engine); ++i) {
    Arc2FaceTensorInfo info;
    if (faults.real->DescribeTensor(engine, i, &info, nullptr) != ARC2FACE_OK) continue;
    if (std::string_view(info.name) == "eps") return true;
  }
  return false;
}

template <auto kMember>
struct FaultyCall;
template <typename... Arguments, Arc2FaceStatus (*Arc2FaceEngineApi::*kMember)(Arguments...)>
struct FaultyCall<kMember> {
  static Arc2FaceStatus Call(Arguments... arguments) {
    if (faults.calls++ == faults.fail_at) {
      Arc2FaceMessage* const message = std::get<sizeof...(Arguments) - 1>(std::make_tuple(arguments...));
      std::strcpy(message->text, "A fault on purpose.");
      return faults.status;
    }
    return (faults.real->*kMember)(arguments...);
  }
};

inline const Arc2FaceEngineApi& FaultyApi(const Arc2FaceEngineApi& real) {
  using Api = Arc2FaceEngineApi;
  static Api api;
  faults.real = &real;
  api = real;
  api.OpenLibrary = FaultyCall<&Api::OpenLibrary>::Call;
  api.Build = FaultyCall<&Api::Build>::Call;
  api.OpenEngine = [](Arc2FaceLibrary* library, const void* data, uint64_t bytes, Arc2FaceEngine** engine,
                      Arc2FaceMessage* message) {
    const Arc2FaceStatus status = FaultyCall<&Api::OpenEngine>::Call(library, data, bytes, engine, message);
    if (status == ARC2FACE_OK) ++faults.engines;
    return status;
  };
  api.CloseEngine = [](Arc2FaceEngine* engine) {
    if (engine != nullptr) --faults.engines;
    faults.real->CloseEngine(engine);
  };
  api.DescribeTensor = FaultyCall<&Api::DescribeTensor>::Call;
  api.ProfileShape = FaultyCall<&Api::ProfileShape>::Call;
  api.Inspect = FaultyCall<&Api::Inspect>::Call;
  api.MakeContext = [](Arc2FaceEngine* engine, uint32_t profile, void* stream, Arc2FaceContext** context,
                       Arc2FaceMessage* message) {
    const Arc2FaceStatus status = FaultyCall<&Api::MakeContext>::Call(engine, profile, stream, context, message);
    if (status != ARC2FACE_OK) return status;
    ++faults.contexts;
    if (IsUNet(engine)) {
      const std::lock_guard lock(faults.mutex);
      faults.unets.insert(*context);
    }
    return status;
  };
  api.CloseContext = [](Arc2FaceContext* context) {
    if (context != nullptr) --faults.contexts;
    {
      const std::lock_guard lock(faults.mutex);
      faults.unets.erase(context);
    }
    faults.real->CloseContext(context);
  };
  api.ContextBytes = FaultyCall<&Api::ContextBytes>::Call;
  api.SetMemory = FaultyCall<&Api::SetMemory>::Call;
  api.SetAddress = FaultyCall<&Api::SetAddress>::Call;
  api.TensorShape = FaultyCall<&Api::TensorShape>::Call;
  api.Enqueue = [](Arc2FaceContext* context, void* stream, Arc2FaceMessage* message) {
    {
      const std::lock_guard lock(faults.mutex);
      faults.evaluations += static_cast<int>(faults.unets.count(context));
    }
    return FaultyCall<&Api::Enqueue>::Call(context, stream, message);
  };
  api.LoadCompiled = FaultyCall<&Api::LoadCompiled>::Call;
  api.SaveCompiled = FaultyCall<&Api::SaveCompiled>::Call;
  return api;
}

}  // namespace arc2face::testing
