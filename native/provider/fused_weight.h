// The sum of a weight and what adapters add to it.
#pragma once

#include <cstddef>
#include <string>

#include "provider.h"

namespace arc2face {

// Writes weight + Σ factor · up · down to `to`: as many elements as the weight has, as `type`, float32 or float16. Summed
// in float32, in an order that depends on nothing else. `network`: its name, for messages. Throws kInvalidWeights, naming
// the file where it can: for shapes and types that do not fit together, for numbers of an adapter that are not finite, and
// for sums that `type` can't hold. A weight that is not finite by itself stays so.
void Fuse(const Weight& weight, DataType type, const std::string& network, std::byte* to);

}  // namespace arc2face
