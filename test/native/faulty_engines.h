// A provider library's table in which one call fails, and which counts what is open.
#pragma once

#include <atomic>
#include <cstring>
#include <tuple>

#include "provider/tensorrt/abi.h"

namespace arc2face::testing {

struct Faults {
  const Arc2FaceEngineApi* real = nullptr;
  std::atomic<int> calls = 0;     // of functions that return a status
  std::atomic<int> fail_at = -1;  // the call, counted from 0, that fails without being made
  Arc2FaceStatus status = ARC2FACE_FAILED;
  std::atomic<int> engines = 0, contexts = 0;  // open

  void Restart(int at) {
    calls = 0;
    fail_at = at;
  }
};
inline Faults faults;  // a table's functions can't reach it otherwise

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
    if (status == ARC2FACE_OK) ++faults.contexts;
    return status;
  };
  api.CloseContext = [](Arc2FaceContext* context) {
    if (context != nullptr) --faults.contexts;
    faults.real->CloseContext(context);
  };
  api.ContextBytes = FaultyCall<&Api::ContextBytes>::Call;
  api.SetMemory = FaultyCall<&Api::SetMemory>::Call;
  api.SetAddress = FaultyCall<&Api::SetAddress>::Call;
  api.TensorShape = FaultyCall<&Api::TensorShape>::Call;
  api.Enqueue = FaultyCall<&Api::Enqueue>::Call;
  api.LoadCompiled = FaultyCall<&Api::LoadCompiled>::Call;
  api.SaveCompiled = FaultyCall<&Api::SaveCompiled>::Call;
  return api;
}

}  // namespace arc2face::testing
