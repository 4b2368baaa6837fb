// Which face of a photo is meant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../operations/face/face.h"

namespace arc2face {

struct FaceChoice {
  uint32_t index;  // from the largest
  bool only;       // several faces are an error
};

// The one of `faces`, largest first. `photo`: what messages call it. Throws kNoFace when it is not there,
// kInvalidArgument when there are several and only one is allowed.
const Face& Choose(const std::vector<Face>& faces, const FaceChoice& choice, const std::string& photo);

}  // namespace arc2face
