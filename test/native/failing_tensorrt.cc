// A library that identifies itself like NVIDIA's, in the version that the environment variable TEST_TENSORRT_VERSION
// names, and can't start. As NVIDIA's have been seen to do without CUDA, its runtime logs why, here with the version
// that it was asked for, and is no address (10.6, 10.15, 11.2), and its builder ends the process (10.6).
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "provider/tensorrt/abi.h"

// The beginning of nvinfer1::ILogger, whose headers tests do without: in TensorRT 10, and in 11. Not in the namespace
// without a name, where the compiler knows that nothing derives from them.
class Logger10 {
 public:
  virtual void log(int32_t severity, const char* text) noexcept = 0;

 protected:
  ~Logger10() = default;
};
class Logger11 {
 public:
  virtual void GetApiLanguage() = 0;
  virtual void GetInterfaceInfo() = 0;
  virtual ~Logger11() = default;
  virtual void log(int32_t severity, const char* text) noexcept = 0;
};

namespace {

constexpr int32_t kError = 1;

int32_t VersionPart(int index) {
  int32_t parts[4] = {};
  const char* const version = std::getenv("TEST_TENSORRT_VERSION");
  if (version != nullptr) std::sscanf(version, "%d.%d.%d.%d", &parts[0], &parts[1], &parts[2], &parts[3]);
  return parts[index];
}

}  // namespace

extern "C" {
ARC2FACE_EXPORT int32_t getInferLibMajorVersion() { return VersionPart(0); }
ARC2FACE_EXPORT int32_t getInferLibMinorVersion() { return VersionPart(1); }
ARC2FACE_EXPORT int32_t getInferLibPatchVersion() { return VersionPart(2); }
ARC2FACE_EXPORT int32_t getInferLibBuildVersion() { return VersionPart(3); }
ARC2FACE_EXPORT void* createInferBuilder_INTERNAL(void*, int32_t) { std::abort(); }
ARC2FACE_EXPORT void* createInferRuntime_INTERNAL(void* logger, int32_t version) {
  char text[100];
  std::snprintf(text, sizeof text, "CUDA can't start (asked for version %d).", version);
  if (VersionPart(0) == 10) {
    static_cast<Logger10*>(logger)->log(kError, text);
  } else {
    static_cast<Logger11*>(logger)->log(kError, text);
  }
  return reinterpret_cast<void*>(0x238);
}
}
