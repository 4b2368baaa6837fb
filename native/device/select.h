// Devices by the names that options give them.
#pragma once

#include <string>

#include "device.h"

namespace arc2face {

// "cpu", "cuda" (the first GPU) or "cuda:N". Throws kInvalidArgument for any other name, kNoDevice when there is no
// such GPU.
Device& DeviceNamed(const std::string& name);

}  // namespace arc2face
