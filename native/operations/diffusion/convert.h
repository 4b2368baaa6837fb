// Numbers between the precisions of the networks, which need not all be the same.
#pragma once

#include <cstddef>

#include "../../half.h"

namespace arc2face {

class Stream;

// One number; rounds half to even where To is narrower. Shared by the host and the device.
template <typename To, typename From>
ARC2FACE_HD inline To Converted(From value) {
  return FromFloat<To>(ToFloat(value));
}

// to[i] = from[i] for `count` numbers. The two do not overlap.
void Convert(Stream& stream, ConstNetworkFloats from, NetworkFloats to, size_t count);

// The definition.
void ConvertHost(ConstNetworkFloats from, NetworkFloats to, size_t count);

}  // namespace arc2face
