// What a UNet saw of a reference: the tokens that each of its self-attentions looked at.
#pragma once

#include <vector>

#include "network_buffer.h"

namespace arc2face {

// For one row, [positions, channels] each, in the order of the UNet's banks.
struct ReferenceBank {
  std::vector<NetworkBuffer> tokens;
};

}  // namespace arc2face
