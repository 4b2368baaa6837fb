// Builds the stand-in's engine file from graph and weights.
#pragma once

#include "provider/tensorrt/abi.h"

namespace arc2face::stand_in {

// See Build in abi.h. Throws Failure.
void Build(const Arc2FaceBuildRequest& request);

}  // namespace arc2face::stand_in
