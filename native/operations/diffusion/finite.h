// Whether numbers are finite: whether a network's output can be used.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../../half.h"

namespace arc2face {

class Stream;

// One number. Tests its bits, which no assumption about arithmetic lets a compiler optimise away. Shared by host and
// device.
ARC2FACE_HD inline bool IsFinite(float value) {
  return (half_detail::BitsOf(value) & half_detail::kInfinity) != half_detail::kInfinity;
}
ARC2FACE_HD inline bool IsFinite(Half value) {
  return (value.bits & half_detail::kHalfInfinity) != half_detail::kHalfInfinity;
}

// *found = 1 if one of `count` numbers is infinite or NaN, else unchanged. `found` is device memory.
void FindNotFinite(Stream& stream, ConstNetworkFloats values, size_t count, uint32_t* found);

// The definition.
void FindNotFiniteHost(ConstNetworkFloats values, size_t count, uint32_t* found);

}  // namespace arc2face
