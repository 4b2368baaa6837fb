// A provider library in which calls fail on request, around the one that ARC2FACE_FAULTY_PROVIDER names. It is also an
// addon, through which a test says which call fails, and sees what is open.
//
//   restart(failAt, status)   counts the calls that return a status from 0 again; the one of that number, unless it is
//                             -1, gives that status without being made
//   state()                   { calls, evaluations, engines, contexts }: calls and evaluations of UNets since then;
//                             what is open
#include <napi.h>

#include <cstdlib>

#include "faulty_engines.h"
#include "provider/tensorrt/engine_library.h"

namespace arc2face::testing {
namespace {

void Restart(const Napi::CallbackInfo& info) {
  faults.status = info[1].As<Napi::Number>().Int32Value();
  faults.Restart(info[0].As<Napi::Number>().Int32Value());
}

Napi::Value State(const Napi::CallbackInfo& info) {
  const Napi::Object state = Napi::Object::New(info.Env());
  state.Set("calls", faults.calls.load());
  state.Set("evaluations", faults.evaluations.load());
  state.Set("engines", faults.engines.load());
  state.Set("contexts", faults.contexts.load());
  return state;
}

}  // namespace
}  // namespace arc2face::testing

static Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("restart", Napi::Function::New(env, arc2face::testing::Restart));
  exports.Set("state", Napi::Function::New(env, arc2face::testing::State));
  return exports;
}
NODE_API_MODULE(arc2face_faulty_provider, Initialise)

extern "C" ARC2FACE_EXPORT const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version) {
  const char* const real = std::getenv("ARC2FACE_FAULTY_PROVIDER");
  if (abi_version != ARC2FACE_ENGINE_ABI_VERSION || real == nullptr) return nullptr;
  static const Arc2FaceEngineApi& api = arc2face::testing::FaultyApi(arc2face::tensorrt::OpenEngineApi(real));
  return &api;
}
