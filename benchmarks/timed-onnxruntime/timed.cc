// An ONNX Runtime library that writes down how long each network ran, and is the real one otherwise. The package opens
// it in the place of the real one (ARC2FACE_ONNXRUNTIME), so that benchmarks see the bare networks inside an unchanged
// process.
//
//   ARC2FACE_TIMED_LIBRARY   the real library
//   ARC2FACE_TIMED_LOG       a line per run: session, start and end in ms since the epoch
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "provider/onnxruntime/c_api.h"

namespace {

using namespace arc2face::ort;

constexpr size_t kRun = 9;
// One more than the highest entry that the core uses (native/provider/onnxruntime/c_api.h).
constexpr size_t kEntries = 294;

using RunFunction = Status* (*)(Session*, const RunOptions*, const char* const*, const Value* const*, size_t,
                                const char* const*, size_t, Value**);

const void* table[kEntries];
RunFunction real_run;

double Now() {
  return std::chrono::duration<double, std::milli>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Status* TimedRun(Session* session, const RunOptions* options, const char* const* input_names,
                 const Value* const* inputs, size_t input_count, const char* const* output_names, size_t output_count,
                 Value** outputs) {
  const double start = Now();
  Status* const status =
      real_run(session, options, input_names, inputs, input_count, output_names, output_count, outputs);
  const double end = Now();
  static std::FILE* const log = std::fopen(std::getenv("ARC2FACE_TIMED_LOG"), "a");
  std::fprintf(log, "%p %.3f %.3f\n", static_cast<void*>(session), start, end);
  std::fflush(log);
  return status;
}

const ApiBase& RealBase() {
  void* const library = dlopen(std::getenv("ARC2FACE_TIMED_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::abort();
  }
  return *reinterpret_cast<GetApiBase>(dlsym(library, "OrtGetApiBase"))();
}

const void* const* GetTimedApi(uint32_t version) {
  const void* const* const real = RealBase().GetApi(version);
  if (real == nullptr) return nullptr;
  std::copy(real, real + kEntries, std::begin(table));
  real_run = reinterpret_cast<RunFunction>(const_cast<void*>(real[kRun]));
  table[kRun] = reinterpret_cast<const void*>(&TimedRun);
  return table;
}

const char* GetVersion() { return RealBase().GetVersionString(); }

}  // namespace

extern "C" __attribute__((visibility("default"))) const ApiBase* OrtGetApiBase() {
  static const ApiBase base{GetTimedApi, GetVersion};
  return &base;
}
