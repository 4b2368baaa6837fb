// A provider library, opened.
#include "engine_library.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>

#include "../dynamic_library.h"
#include "stderr_log.h"

namespace arc2face::tensorrt {
namespace {

ErrorCode CodeOf(Arc2FaceStatus status) {
  switch (status) {
    case ARC2FACE_CANCELLED:
      return ErrorCode::kCancelled;
    case ARC2FACE_INVALID_ARGUMENT:
      return ErrorCode::kInvalidArgument;
    case ARC2FACE_INVALID_NETWORK:
      return ErrorCode::kInvalidWeights;
    case ARC2FACE_NO_LIBRARY:
      return ErrorCode::kNoDevice;
    case ARC2FACE_OUT_OF_MEMORY:
      return ErrorCode::kOutOfMemory;
    default:
      return ErrorCode::kEngineFailed;
  }
}

// Logs NVIDIA's messages to stderr, to help find the cause of a problem, from
// the severity that ARC2FACE_LOG names.
Arc2FaceLog ReadLog() {
  static constexpr std::array<const char*, 4> kSeverities = {"error", "warning", "info", "verbose"};
  static std::atomic<Arc2FaceSeverity> most;
  const char* const asked = std::getenv("ARC2FACE_LOG");
  if (asked == nullptr || *asked == '\0') return nullptr;
  const auto found = std::find(kSeverities.begin(), kSeverities.end(), std::string_view(asked));
  if (found == kSeverities.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string("Expected error, warning, info or verbose for ARC2FACE_LOG but received ") + asked + ".");
  }
  most = static_cast<Arc2FaceSeverity>(found - kSeverities.begin());
  return [](void*, Arc2FaceSeverity severity, const char* text) {
    if (severity > most) return;
    try {
      WriteToStderr(std::string("arc2face: ") + kSeverities[static_cast<size_t>(severity)] + ": " + text + "\n");
    } catch (const std::bad_alloc&) {
      // The call itself will tell.
    }
  };
}

}  // namespace

const Arc2FaceEngineApi& OpenEngineApi(const std::string& path) {
  const auto get = reinterpret_cast<Arc2FaceGetEngineApiFunction>(OpenLibrarySymbol(path, ARC2FACE_GET_ENGINE_API));
  const Arc2FaceEngineApi* const api = get(ARC2FACE_ENGINE_ABI_VERSION);
  if (api == nullptr || api->abi_version != ARC2FACE_ENGINE_ABI_VERSION || api->bytes != sizeof(Arc2FaceEngineApi)) {
    throw Error(ErrorCode::kNoDevice, "Could not use " + path + ": it belongs to another version of this package.",
                {.file = path});
  }
  return *api;
}

void Check(Arc2FaceStatus status, const Arc2FaceMessage& message, const std::string& what,
           const ErrorDetails& details) {
  if (status != ARC2FACE_OK) throw Error(CodeOf(status), what + ": " + message.text, details);
}

EngineLibrary::EngineLibrary(const Arc2FaceEngineApi& api, const LibraryPaths& paths) : api_(&api) {
  const Arc2FaceLibraryPaths theirs{.core = paths.core.c_str(),
                                    .parser = paths.parser.empty() ? nullptr : paths.parser.c_str()};
  Arc2FaceMessage message{};
  Check(api.OpenLibrary(&theirs, ReadLog(), nullptr, &library_, &message), message,
        std::string("Could not use ") + api.product, {.file = paths.core});
}

std::string EngineLibrary::version() const {
  const Arc2FaceVersion version = api_->LibraryVersion(library_);
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch) +
         "." + std::to_string(version.build);
}

}  // namespace arc2face::tensorrt
