// Finds weights that are not finite.
#include "faulty_weights.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace arc2face {
namespace {

// Infinity and NaN have all exponent bits set.
template <typename Bits>
bool AllFinite(const std::byte* data, size_t bytes, Bits exponent) {
  for (size_t at = 0; at + sizeof(Bits) <= bytes; at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, data + at, sizeof bits);
    if ((bits & exponent) == exponent) return false;
  }
  return true;
}

}  // namespace

bool AllFinite(DataType type, const std::byte* data, size_t bytes) {
  switch (type) {
    case DataType::kFloat64:
      return AllFinite<uint64_t>(data, bytes, 0x7ff0'0000'0000'0000);
    case DataType::kFloat32:
      return AllFinite<uint32_t>(data, bytes, 0x7f80'0000);
    case DataType::kFloat16:
      return AllFinite<uint16_t>(data, bytes, 0x7c00);
    case DataType::kBFloat16:
      return AllFinite<uint16_t>(data, bytes, 0x7f80);
    default:
      return true;
  }
}

std::optional<FaultyWeight> FindFaultyWeight(const std::vector<Weight>& weights,
                                             const std::vector<std::shared_ptr<const MemoryMap>>& maps) {
  const auto found = std::find_if(weights.begin(), weights.end(), [](const Weight& weight) {
    return !AllFinite(weight.type, weight.data, weight.bytes);
  });
  if (found == weights.end()) return std::nullopt;
  const auto file = std::find_if(maps.begin(), maps.end(), [&](const auto& map) {
    return found->data >= map->data() && found->data < map->data() + map->size();
  });
  return FaultyWeight{found->name, file == maps.end() ? "" : (*file)->path()};
}

}  // namespace arc2face
