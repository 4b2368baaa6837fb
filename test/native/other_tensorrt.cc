// A library that says of itself what NVIDIA's do, but with a version that has never been. It has nothing else, so that
// whoever calls more than that in it is found out.
#include <cstdint>

#include "provider/tensorrt/abi.h"

extern "C" {
ARC2FACE_EXPORT int32_t getInferLibMajorVersion() { return 1; }
ARC2FACE_EXPORT int32_t getInferLibMinorVersion() { return 99; }
ARC2FACE_EXPORT int32_t getInferLibPatchVersion() { return 0; }
ARC2FACE_EXPORT int32_t getInferLibBuildVersion() { return 7; }
}
