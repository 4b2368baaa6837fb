// A provider library (abi.h) with NVIDIA's libraries opened behind it, and its errors.
#pragma once

#include <string>

#include "../../error.h"
#include "abi.h"

namespace arc2face::tensorrt {

// Absolute paths.
struct LibraryPaths {
  std::string provider;  // ours: arc2face_tensorrt_rtx.so
  std::string core;      // NVIDIA's: libtensorrt_rtx.so.1
  std::string parser;    // NVIDIA's: libtensorrt_onnxparser_rtx.so.1; empty: engines can't be built
};

// The table of the provider library at `path`, which stays open until the process ends. Throws kNoDevice, naming the
// path, when it is missing, not a provider library, or one of another version.
const Arc2FaceEngineApi& OpenEngineApi(const std::string& path);

// Throws `status` if it is a failure; `what` begins the sentence: "The network unet".
void Check(Arc2FaceStatus status, const Arc2FaceMessage& message, const std::string& what, const ErrorDetails& details);

// A copy refers to the same libraries, which are never closed.
class EngineLibrary {
 public:
  // Throws kNoDevice, naming the path at fault.
  explicit EngineLibrary(const LibraryPaths& paths) : EngineLibrary(OpenEngineApi(paths.provider), paths) {}
  // With the caller's table, which lives as long as the process.
  EngineLibrary(const Arc2FaceEngineApi& api, const LibraryPaths& paths);

  const Arc2FaceEngineApi& api() const noexcept { return *api_; }
  Arc2FaceLibrary* get() const noexcept { return library_; }
  std::string version() const;  // "1.6.1.120"

 private:
  const Arc2FaceEngineApi* api_;
  Arc2FaceLibrary* library_ = nullptr;
};

}  // namespace arc2face::tensorrt
