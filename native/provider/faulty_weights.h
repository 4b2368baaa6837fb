// Finds weights that are not finite.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "provider.h"

namespace arc2face {

// Whether there is neither infinity nor NaN among elements at any address.
bool AllFinite(DataType type, const std::byte* data, size_t bytes);

// The first of `weights`, which are in `maps`, with infinite numbers or NaN. Reads them all.
std::optional<FaultyWeight> FindFaultyWeight(const std::vector<Weight>& weights,
                                             const std::vector<std::shared_ptr<const MemoryMap>>& maps);

}  // namespace arc2face
