// How a library identifies itself like NVIDIA's: in the version that the environment variable TEST_TENSORRT_VERSION
// names. For one file of a library.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "provider/tensorrt/abi.h"

static int32_t VersionPart(int index) {
  int32_t parts[4] = {};
  const char* const version = std::getenv("TEST_TENSORRT_VERSION");
  if (version != nullptr) std::sscanf(version, "%d.%d.%d.%d", &parts[0], &parts[1], &parts[2], &parts[3]);
  return parts[index];
}

extern "C" {
ARC2FACE_EXPORT int32_t getInferLibMajorVersion() { return VersionPart(0); }
ARC2FACE_EXPORT int32_t getInferLibMinorVersion() { return VersionPart(1); }
ARC2FACE_EXPORT int32_t getInferLibPatchVersion() { return VersionPart(2); }
ARC2FACE_EXPORT int32_t getInferLibBuildVersion() { return VersionPart(3); }
}
