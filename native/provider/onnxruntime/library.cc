// An opened ONNX Runtime library.
#include "library.h"

#include <cstdio>
#include <cstdlib>

#include "../dynamic_library.h"

namespace arc2face::ort {
namespace {

// The runtime would print to stderr; what matters comes back in a Status.
void ARC2FACE_ORT_CALL DropLog(void*, int, const char*, const char*, const char*, const char*) {}

// The npm package's library reports its use to Microsoft, and keeps a user identifier in the home folder,
// unless this is set before it starts (https://github.com/microsoft/onnxruntime/pull/27379). Users opt in by setting it
// to 0.
void DisableTelemetry() {
#ifdef _WIN32
  if (std::getenv("ORT_DISABLE_TELEMETRY") == nullptr) _putenv_s("ORT_DISABLE_TELEMETRY", "1");
#else
  setenv("ORT_DISABLE_TELEMETRY", "1", 0);
#endif
}

// The version is checked before the table is requested, because an older library complains about that on stderr.
const void* const* Table(const std::string& path, const ApiBase& base) {
  const std::string version = base.GetVersionString();
  int major = 0;
  int minor = 0;
  const bool known = std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2;
  const bool recent = known && (major > 1 || (major == 1 && minor >= kMinorVersion));
  const void* const* const table = recent ? base.GetApi(kApiVersion) : nullptr;
  if (table == nullptr) {
    throw Error(ErrorCode::kNoDevice,
                "Expected ONNX Runtime 1." + std::to_string(kMinorVersion) + " or newer for the library " + path +
                    " but received version " + version + ".",
                {.file = path});
  }
  return table;
}

// The runtime reports a failed allocation as a general failure with one of these in its text: the standard library's
// exception, and those of its own arena (BFCArena).
bool IsOutOfMemory(const std::string& message) {
  for (const char* sign : {"bad_alloc", "bad allocation", "Failed to allocate memory", "bad array new length"}) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Library::Library(const std::string& path)
    : Library(path, *reinterpret_cast<GetApiBase>(OpenLibrarySymbol(path, "OrtGetApiBase"))()) {}

Library::Library(const std::string& path, const ApiBase& base)
    : path_(path), version_(base.GetVersionString()), api_{Table(path, base)} {
  DisableTelemetry();
  Check(api_.CreateEnvWithCustomLogger(DropLog, nullptr, kSeverityFatal, "arc2face", &env_), ErrorCode::kNoDevice,
        "Could not start the library " + path, {.file = path});
}

void Library::Check(Status* status, ErrorCode code, const std::string& what, const ErrorDetails& details) const {
  if (status == nullptr) return;
  std::string message = api_.GetErrorMessage(status);
  message.erase(message.find_last_not_of(" \n") + 1);
  if (IsOutOfMemory(message)) {
    code = ErrorCode::kOutOfMemory;
  } else if (code == ErrorCode::kEngineFailed && api_.GetErrorCode(status) == kInvalidArgumentStatus) {
    code = ErrorCode::kInvalidArgument;
  }
  api_.ReleaseStatus(status);
  throw Error(code, what + ": " + message, details);
}

}  // namespace arc2face::ort
