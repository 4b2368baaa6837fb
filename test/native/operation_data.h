// Inputs for the tests of operations, the same on every machine.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "half.h"
#include "operations/diffusion/step.h"

namespace arc2face::testing {

// A number of latents: none, one, around a warp, around a block, a real one, and ragged ones.
inline constexpr size_t kElementCounts[] = {0, 1, 31, 32, 33, 255, 256, 257, 1000, 2048, 15708, 16384};

// From about -3 to 3. Made from integers, because distributions differ between standard libraries.
template <typename T>
std::vector<T> RandomNumbers(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> numbers(count);
  for (T& number : numbers) {
    const auto draw = static_cast<int32_t>(random() & 0xff'ffff) - 0x80'0000;
    number = FromFloat<T>(static_cast<float>(draw) * 0x3p-23f);
  }
  return numbers;
}

inline std::vector<uint8_t> RandomBytes(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// A step with sums that read each other's registers, eps and noise, and leave some registers out.
inline PlanStep RandomStep(uint32_t seed) {
  const std::vector<float> numbers = RandomNumbers<float>(4 + kMaxAssignments * kRegisters, seed);
  PlanStep step{};
  step.timestep = 500 + 100 * numbers[0];
  step.input_scale = numbers[1];
  step.draws_noise = 1;
  step.assignment_count = 1 + seed % kMaxAssignments;
  for (uint32_t a = 0; a < kMaxAssignments; ++a) {
    step.assignments[a].to = a == 0 ? kLatents : kHistory + a - 1;
    for (uint32_t r = 0; r < kRegisters; ++r) {
      step.assignments[a].coefficients[r] = (r + a + seed) % 3 == 0 ? 0.0f : numbers[2 + a * kRegisters + r];
    }
  }
  step.kept = {numbers[2 + kMaxAssignments * kRegisters], numbers[3 + kMaxAssignments * kRegisters]};
  return step;
}

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace arc2face::testing
