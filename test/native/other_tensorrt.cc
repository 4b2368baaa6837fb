// A library that identifies itself like NVIDIA's, but with a version that never existed. It has nothing else, so that
// any other call to it shows.
#include <cstdint>

#include "provider/tensorrt/abi.h"

extern "C" {
ARC2FACE_EXPORT int32_t getInferLibMajorVersion() { return 1; }
ARC2FACE_EXPORT int32_t getInferLibMinorVersion() { return 99; }
ARC2FACE_EXPORT int32_t getInferLibPatchVersion() { return 0; }
ARC2FACE_EXPORT int32_t getInferLibBuildVersion() { return 7; }
}
