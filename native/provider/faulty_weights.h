// Weights that can give no result.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "provider.h"

namespace arc2face {

// The first of `weights`, which lie in `maps`, that has numbers that are infinite or no numbers. Reads them all.
std::optional<FaultyWeight> FindFaultyWeight(const std::vector<Weight>& weights,
                                             const std::vector<std::shared_ptr<const MemoryMap>>& maps);

}  // namespace arc2face
