// Converts numbers between the networks' precisions, which may differ.
#pragma once

#include <cstddef>

#include "../../half.h"

namespace arc2face {

class Stream;

// One number; rounds half to even if To is narrower. Shared by host and device.
template <typename To, typename From>
ARC2FACE_HD inline To Converted(From value) {
  return FromFloat<To>(ToFloat(value));
}

// to[i] = from[i] for `count` numbers. The two do not overlap.
void Convert(Stream& stream, ConstNetworkFloats from, NetworkFloats to, size_t count);

// The definition.
void ConvertHost(ConstNetworkFloats from, NetworkFloats to, size_t count);

}  // namespace arc2face
