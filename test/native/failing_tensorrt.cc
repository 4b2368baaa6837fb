// A library that identifies itself like NVIDIA's, in the version that the environment variable TEST_TENSORRT_VERSION
// names, and can't start. As NVIDIA's have been seen to do without CUDA, its runtime logs why, here with the version
// that it was asked for, and is no address (10.6, 10.15, 11.2), and its builder ends the process (10.6).
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tensorrt_version.h"

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

static constexpr int32_t kError = 1;

extern "C" {
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
