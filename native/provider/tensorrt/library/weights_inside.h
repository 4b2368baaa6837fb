// A model with its weights inside, for parsers that take none by pointer.
#pragma once

#include <string>

#include "../abi.h"

namespace arc2face::engines {

// The request's graph as a ModelProto whose external initializers hold their bytes themselves; anything else in it
// stays as it is. Throws Failure: ARC2FACE_INVALID_NETWORK when the graph can't be read or its external initializers
// are not those of the request, ARC2FACE_FAILED when the model would have more bytes than a protobuf message may.
std::string WithWeightsInside(const Arc2FaceBuildRequest& request);

}  // namespace arc2face::engines
