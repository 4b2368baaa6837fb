// IEEE 754 binary16, in which networks compute on a GPU. Our own code never does: it converts at the
// network.
#pragma once

#include <cstdint>
#include <cstring>
#include <variant>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

#include "host_device.h"

namespace arc2face {

struct Half {
  uint16_t bits;
};

namespace half_detail {

ARC2FACE_HD inline uint32_t BitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}
ARC2FACE_HD inline float FromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

inline constexpr uint32_t kInfinity = 0x7f80'0000;  // as float32
inline constexpr uint32_t kHalfInfinity = 0x7c00;
inline constexpr uint32_t kHalfNan = 0x7fff;

}  // namespace half_detail

// Exact; NaN stays NaN.
ARC2FACE_HD inline float ToFloat(Half half) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(half.bits));
#else
  using namespace half_detail;
  const uint32_t sign = (half.bits & 0x8000u) << 16;
  const uint32_t magnitude = half.bits & 0x7fffu;
  if (magnitude >= kHalfInfinity) return FromBits(sign | kInfinity | (magnitude & 0x3ffu) << 13);
  // Read with float32's exponent bias of 127 instead of 15, the number is 2^112 times too small, subnormal or not.
  return FromBits(sign | BitsOf(FromBits(magnitude << 13) * 0x1p112f));
#endif
}

// Rounds half to even; infinite from 65520 on, and every NaN becomes the same one.
ARC2FACE_HD inline Half ToHalf(float value) {
#ifdef __CUDA_ARCH__
  return {__half_as_ushort(__float2half_rn(value))};
#else
  using namespace half_detail;
  const uint32_t bits = BitsOf(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fff'ffffu;
  if (magnitude > kInfinity) return {static_cast<uint16_t>(kHalfNan)};
  if (magnitude >= BitsOf(65520.0f)) return {static_cast<uint16_t>(sign | kHalfInfinity)};
  if (magnitude < BitsOf(0x1p-14f)) {
    // Subnormal: next to 0.5, float32's last place is 2^-24, as here; the sum is rounded to it.
    return {static_cast<uint16_t>(sign | (BitsOf(FromBits(magnitude) + 0.5f) - BitsOf(0.5f)))};
  }
  // To the 13th bit, ties to where that bit is even; a carry goes into the exponent, where it belongs.
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13))};
#endif
}

// The same for code written for both precisions.
ARC2FACE_HD inline float ToFloat(float value) { return value; }
template <typename T>
ARC2FACE_HD T FromFloat(float value);
template <>
ARC2FACE_HD inline float FromFloat<float>(float value) {
  return value;
}
template <>
ARC2FACE_HD inline Half FromFloat<Half>(float value) {
  return ToHalf(value);
}

// A network's inputs and outputs, at its own precision.
using NetworkFloats = std::variant<float*, Half*>;
using ConstNetworkFloats = std::variant<const float*, const Half*>;

}  // namespace arc2face
