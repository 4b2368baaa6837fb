// Builds an engine file from graph and weights.
#pragma once

#include "library.h"

namespace arc2face::engines {

// See Build in abi.h. Throws Failure.
void Build(Arc2FaceLibrary& library, const Arc2FaceBuildRequest& request);

}  // namespace arc2face::engines
