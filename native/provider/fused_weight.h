// The sum of a weight and what adapters add to it.
#pragma once

#include <cstddef>
#include <string>

#include "provider.h"

namespace arc2face {

// Writes weight + Σ factor · up · down to `to`: as many elements as the weight has, as `type`, float32 or float16. They
// are summed in float32, always in the same order. `network`: its name, for messages. Throws kInvalidWeights, naming
// the file if an adapter is at fault: for shapes and types that do not fit together, for numbers that are not finite,
// and for sums that `type` can't hold. A weight that is not finite by itself stays so.
void Fuse(const Weight& weight, DataType type, const std::string& network, std::byte* to);

}  // namespace arc2face
