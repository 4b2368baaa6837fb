// PyTorch's standard normal noise.
#include "noise.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "../../vectorised.h"

namespace arc2face {
namespace {

// Our own logarithm, sine and cosine: a C library's differ between versions and machines in the last bits, these do
// not, because they use only IEEE 754's exactly rounded operations. Plain Taylor series, long enough that what
// they leave out is below double precision, and free of branches, so that compilers vectorise loops over them.

// c[0] + c[1] z + c[2] z^2 + ..., by Horner's rule, unrolled.
template <size_t kFirst = 0, size_t kTerms>
inline double Polynomial(const std::array<double, kTerms>& c, double z) {
  if constexpr (kFirst + 1 == kTerms) {
    return c[kFirst];
  } else {
    return c[kFirst] + z * Polynomial<kFirst + 1>(c, z);
  }
}

// ln(m) = 2 artanh(s) = 2 s (1 + s^2 / 3 + s^4 / 5 + ...) with s = (m - 1) / (m + 1).
constexpr auto kArtanh = [] {
  std::array<double, 10> c{};
  for (size_t n = 0; n < c.size(); ++n) c[n] = 1.0 / static_cast<double>(2 * n + 1);
  return c;
}();

// `first`, -first / ((k + 1) (k + 2)), ...: the Taylor coefficients of cos (k = 0) and of sin / angle (k = 1).
constexpr std::array<double, 9> Alternating(int k) {
  std::array<double, 9> c{1.0};
  for (size_t n = 1; n < c.size(); ++n, k += 2) c[n] = -c[n - 1] / ((k + 1.0) * (k + 2.0));
  return c;
}
constexpr auto kCosine = Alternating(0);
constexpr auto kSine = Alternating(1);

constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kSqrt2 = 0x1.6a09e667f3bcdp+0;
constexpr double kTwoPi = 0x1.921fb54442d18p+2;

// ln(x) for normal x > 0.
inline double Log(double x) {
  // x = m 2^e with m in [1, 2), then in [sqrt(1/2), sqrt(2)): |s| <= 0.172, so s^20 / 21 is the first term left
  // out.
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const double m1 = std::bit_cast<double>((bits & 0x000f'ffff'ffff'ffffu) | 0x3ff0'0000'0000'0000u);
  // 2^52 + biased exponent, written as a double, because few processors convert 64-bit integers in vectors.
  const double e1 = std::bit_cast<double>((bits >> 52) | 0x4330'0000'0000'0000u) - (0x1p52 + 1023);
  const bool upper = m1 > kSqrt2;
  const double m = m1 * (upper ? 0.5 : 1.0);
  const double e = e1 + (upper ? 1.0 : 0.0);
  const double s = (m - 1) / (m + 1);
  return e * kLn2 + 2 * s * Polynomial(kArtanh, s * s);
}

struct CosSin {
  double cos, sin;
};

// Cosine and sine of 2 pi turns, for turns in [0, 1).
inline CosSin CosSinOfTurns(double turns) {
  // The nearest quarter turn (adding and subtracting 1.5 2^52 rounds to an integer) and the exact rest in [-1/8, 1/8]:
  // the angle is at most pi / 4, and the first terms left out are angle^18 / 18! and angle^19 / 19!.
  const double quarter = (4 * turns + 0x1.8p52) - 0x1.8p52;  // 0 to 4
  const double angle = kTwoPi * (turns - 0.25 * quarter);
  const double z = angle * angle;
  const double c = Polynomial(kCosine, z);
  const double s = angle * Polynomial(kSine, z);
  // Bitwise operators: && and || would be branches.
  const bool swapped = (quarter == 1) | (quarter == 3);
  const double cos = swapped ? s : c;
  const double sin = swapped ? c : s;
  return {(quarter == 1) | (quarter == 2) ? -cos : cos, (quarter == 2) | (quarter == 3) ? -sin : sin};
}

// PyTorch's unit of work: values j and j + 8 of 16 are a pair of the Box-Muller transform.
constexpr size_t kPairs = 8;

// 16 uniform values in [0, 1) become 16 normal ones, in place.
ARC2FACE_VECTORISED
void NormalBlock(float* values) {
  double squared[kPairs], radius[kPairs];
  for (size_t j = 0; j < kPairs; ++j) squared[j] = -2 * Log(1 - static_cast<double>(values[j]));
  for (size_t j = 0; j < kPairs; ++j) radius[j] = std::sqrt(squared[j]);
  for (size_t j = 0; j < kPairs; ++j) {
    const CosSin direction = CosSinOfTurns(values[j + kPairs]);
    values[j] = static_cast<float>(radius[j] * direction.cos);
    values[j + kPairs] = static_cast<float>(radius[j] * direction.sin);
  }
}

// The Mersenne Twister MT19937, Matsumoto & Nishimura 1998, https://doi.org/10.1145/272991.272995.
constexpr size_t kStateSize = 624;
constexpr size_t kShift = 397;

inline uint32_t Twist(uint32_t high, uint32_t low) {
  const uint32_t y = (high & 0x8000'0000u) | (low & 0x7fff'ffffu);
  return (y >> 1) ^ ((0u - (y & 1u)) & 0x9908'b0dfu);
}

}  // namespace

NoiseGenerator::NoiseGenerator(uint64_t seed) {
  state_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < kStateSize; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
}

void NoiseGenerator::Refill() {
  for (size_t i = 0; i < kStateSize - kShift; ++i) state_[i] = state_[i + kShift] ^ Twist(state_[i], state_[i + 1]);
  for (size_t i = kStateSize - kShift; i < kStateSize - 1; ++i) {
    state_[i] = state_[i + kShift - kStateSize] ^ Twist(state_[i], state_[i + 1]);
  }
  state_[kStateSize - 1] = state_[kShift - 1] ^ Twist(state_[kStateSize - 1], state_[0]);
  next_ = 0;
}

uint32_t NoiseGenerator::Next() {
  if (next_ == kStateSize) Refill();
  uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c'5680u;
  y ^= (y << 15) & 0xefc6'0000u;
  return y ^ (y >> 18);
}

void NoiseGenerator::Draw(float* values, size_t count) {
  constexpr size_t kBlock = 2 * kPairs;
  if (count >= kBlock) {
    const auto uniform = [this](float* to, size_t n) {
      for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(Next() & 0xff'ffffu) * 0x1p-24f;
    };
    uniform(values, count);
    for (size_t from = 0; from + kBlock <= count; from += kBlock) NormalBlock(values + from);
    if (count % kBlock != 0) {  // PyTorch draws the last 16 values again, over some that are done
      uniform(values + count - kBlock, kBlock);
      NormalBlock(values + count - kBlock);
    }
    return;
  }
  // Few values: pairs in double precision, the second of which waits for the next call.
  const auto uniform = [this] {
    const uint64_t high = Next();
    const uint64_t low = Next();
    return static_cast<double>((high << 32 | low) & 0x1f'ffff'ffff'ffffu) * 0x1p-53;
  };
  for (size_t i = 0; i < count; ++i) {
    if (cached_) {
      values[i] = static_cast<float>(*cached_);
      cached_.reset();
      continue;
    }
    const CosSin direction = CosSinOfTurns(uniform());
    const double radius = std::sqrt(-2 * Log(1 - uniform()));
    values[i] = static_cast<float>(radius * direction.cos);
    cached_ = radius * direction.sin;
  }
}

}  // namespace arc2face
