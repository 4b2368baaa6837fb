// The sampler's step on the host.
#include "operations/diffusion/step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace arc2face {
namespace {

// Sizes around those of registers and of the blocks that the step works in, and 15708 as a ragged real one.
constexpr size_t kSizes[] = {0, 1, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 15708, 16384};

std::vector<float> Noise(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Two sums that read each other's registers, and a third that reads eps and noise.
PlanStep Step(float input_scale) {
  return {.timestep = 374.625f,
          .input_scale = input_scale,
          .draws_noise = 1,
          .assignment_count = 3,
          .assignments = {{kLatents, {0.9f, -0.3f, 0.2f, 0.1f}},
                          {kHistory, {1, 0, 0, 0.7f, 0, 0, 0, 0}},
                          {kHistory + 1, {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f}}},
          .kept = {0.6f, 0.8f}};
}

// A photo's latents and noise, and a mask of zeros and ones, with some between them.
std::vector<float> Kept(size_t elements, uint32_t seed) {
  std::vector<float> kept = Noise(kKeptRows * elements, seed);
  for (size_t i = 0; i < elements; ++i) kept[2 * elements + i] = static_cast<float>(i % 3) / 2;
  return kept;
}

// The definition's definition: element by element. `kept` may be empty.
void ApplyPlainly(const PlanStep& step, std::vector<float>& registers, size_t elements, const float* conditional,
                  const float* unconditional, float scale, const std::vector<float>& kept = {}) {
  for (size_t i = 0; i < elements; ++i) {
    registers[kEps * elements + i] = unconditional == nullptr
                                         ? conditional[i]
                                         : std::fmaf(scale, conditional[i] - unconditional[i], unconditional[i]);
    float sums[kMaxAssignments] = {};
    for (uint32_t a = 0; a < step.assignment_count; ++a) {
      for (uint32_t r = 0; r < kRegisters; ++r) {
        const float coefficient = step.assignments[a].coefficients[r];
        if (coefficient != 0) sums[a] = std::fmaf(coefficient, registers[r * elements + i], sums[a]);
      }
    }
    for (uint32_t a = 0; a < step.assignment_count; ++a) registers[step.assignments[a].to * elements + i] = sums[a];
    if (kept.empty()) continue;
    const float photo = std::fmaf(step.kept.noise, kept[elements + i], step.kept.latents * kept[i]);
    const float mask = kept[2 * elements + i];
    registers[kLatents * elements + i] = std::fmaf(mask, registers[kLatents * elements + i], (1 - mask) * photo);
  }
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

TEST(Step, EqualsThePlainLoopBitForBit) {
  for (const size_t elements : kSizes) {
    const PlanStep plan[] = {Step(1), Step(0.5f)};
    std::vector<float> guided = Noise(kRegisters * elements, 1), unguided = Noise(kRegisters * elements, 2);
    std::vector<float> guided_plainly = guided, unguided_plainly = unguided;
    const std::vector<float> eps = Noise(3 * elements, 3);
    BatchSlot slots[] = {{guided.data(), plan, 1, 2, 0, 3.0f}, {unguided.data(), plan, 0, 1, -1, 7.0f}};

    ApplyStepHost(slots, 2, elements, eps.data());

    ApplyPlainly(plan[1], guided_plainly, elements, eps.data() + 2 * elements, eps.data(), 3.0f);
    ApplyPlainly(plan[0], unguided_plainly, elements, eps.data() + elements, nullptr, 7.0f);
    EXPECT_TRUE(SameBits(guided, guided_plainly)) << elements << " elements";
    EXPECT_TRUE(SameBits(unguided, unguided_plainly)) << elements << " elements";
    EXPECT_EQ(slots[0].position, 2u);
    EXPECT_EQ(slots[1].position, 1u);
  }
}

TEST(Step, KeepsWhatTheMaskKeepsOfOneSlotAmongOthers) {
  for (const size_t elements : kSizes) {
    if (elements == 0) continue;
    const PlanStep plan[] = {Step(1), Step(0.5f)};
    std::vector<float> masked = Noise(kRegisters * elements, 11), plain = Noise(kRegisters * elements, 12);
    std::vector<float> masked_plainly = masked, plain_plainly = plain;
    const std::vector<float> eps = Noise(3 * elements, 13), kept = Kept(elements, 14);
    BatchSlot slots[] = {{masked.data(), plan, 1, 2, 0, 3.0f, kept.data()}, {plain.data(), plan, 0, 1, -1, 7.0f}};

    ApplyStepHost(slots, 2, elements, eps.data());

    ApplyPlainly(plan[1], masked_plainly, elements, eps.data() + 2 * elements, eps.data(), 3.0f, kept);
    ApplyPlainly(plan[0], plain_plainly, elements, eps.data() + elements, nullptr, 7.0f);
    EXPECT_TRUE(SameBits(masked, masked_plainly)) << elements << " elements";
    EXPECT_TRUE(SameBits(plain, plain_plainly)) << elements << " elements";
  }
}

TEST(Step, LeavesWhatIsPaintedToTheLastBitAndWhatIsKeptWithoutATraceOfIt) {
  EXPECT_EQ(Blend(1, 0.1f, 3e30f), 0.1f);
  EXPECT_EQ(Blend(0, 3e30f, 0.1f), 0.1f);
}

TEST(Step, GathersARowForEachHalfOfASlot) {
  for (const size_t elements : kSizes) {
    const PlanStep plan[] = {Step(1), Step(0.3f)};
    std::vector<float> first = Noise(kRegisters * elements, 4), second = Noise(kRegisters * elements, 5);
    const BatchSlot slots[] = {{first.data(), plan, 1, 2, 0, 3.0f}, {second.data(), plan, 0, 1, -1, 1.0f}};
    std::vector<float> sample(3 * elements), timesteps(3, -1.0f);

    GatherRowsHost(slots, 2, elements, sample.data(), timesteps.data());

    std::vector<float> expected(3 * elements);
    for (size_t i = 0; i < elements; ++i) {
      expected[i] = expected[2 * elements + i] = 0.3f * first[i];
      expected[elements + i] = second[i];
    }
    EXPECT_TRUE(SameBits(sample, expected)) << elements << " elements";
    EXPECT_EQ(timesteps, std::vector<float>(3, 374.625f));
  }
}

TEST(Step, WithoutSlotsTouchesNothing) {
  GatherRowsHost(nullptr, 0, 16, static_cast<float*>(nullptr), nullptr);
  ApplyStepHost(nullptr, 0, 16, static_cast<const Half*>(nullptr));
}

TEST(Step, LeavesOutSlotsThatNoImageHas) {
  constexpr size_t kElements = 33;
  const PlanStep plan[] = {Step(1)};
  std::vector<float> alone = Noise(kRegisters * kElements, 6), among_others = alone;
  const std::vector<float> eps = Noise(2 * kElements, 7);
  BatchSlot slot{alone.data(), plan, 0, 1, 0, 3.0f};
  BatchSlot slots[] = {{}, {among_others.data(), plan, 0, 1, 0, 3.0f}, {}};
  std::vector<float> sample(2 * kElements), expected_sample = sample, timesteps(2), expected_timesteps = timesteps;
  GatherRowsHost(&slot, 1, kElements, expected_sample.data(), expected_timesteps.data());
  GatherRowsHost(slots, 3, kElements, sample.data(), timesteps.data());
  EXPECT_TRUE(SameBits(sample, expected_sample));
  EXPECT_EQ(timesteps, expected_timesteps);
  ApplyStepHost(&slot, 1, kElements, eps.data());
  ApplyStepHost(slots, 3, kElements, eps.data());
  EXPECT_TRUE(SameBits(among_others, alone));
  EXPECT_EQ(slots[1].position, 1u);
  EXPECT_EQ(slots[0].position + slots[2].position, 0u);
}

TEST(Step, LeavesOutRegistersOfNoWeight) {
  const PlanStep plan = {0, 1, 0, 1, {{kLatents, {2}}}};
  std::vector<float> registers(kRegisters, std::numeric_limits<float>::quiet_NaN());
  registers[kLatents] = 4;
  const float eps = std::numeric_limits<float>::infinity();
  BatchSlot slot = {registers.data(), &plan, 0, 0, -1, 1};
  ApplyStepHost(&slot, 1, 1, &eps);
  EXPECT_EQ(registers[kLatents], 8);
}

}  // namespace
}  // namespace arc2face
