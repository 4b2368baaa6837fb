// One GPU thread's part of a step: kWidth neighbouring elements of one slot. It runs on the host too, so that
// a test without a GPU can compare it with the definitions.
#pragma once

#include "../../pack.h"
#include "step.h"

namespace arc2face {

// Elements at which a pack of every type is 16 bytes or more: those of T, the narrower one.
template <typename T>
inline constexpr int kStepWidth = kPackWidth<T>;

// GatherRows for elements from `at` on.
template <int kWidth, typename T>
ARC2FACE_HD inline void GatherPack(const BatchSlot& slot, const PlanStep& step, size_t elements, size_t at, T* sample) {
  const auto latents = LoadPack<kWidth>(slot.registers + kLatents * elements + at);
  Pack<T, kWidth> scaled;
  for (int i = 0; i < kWidth; ++i) scaled.values[i] = FromFloat<T>(step.input_scale * latents.values[i]);
  StorePack(sample + slot.conditional_row * elements + at, scaled);
  if (slot.unconditional_row >= 0) {
    StorePack(sample + static_cast<size_t>(slot.unconditional_row) * elements + at, scaled);
  }
}

// The same for numbers of which a row has one.
ARC2FACE_HD inline void GatherTimesteps(const BatchSlot& slot, const PlanStep& step, float* timesteps) {
  timesteps[slot.conditional_row] = step.timestep;
  if (slot.unconditional_row >= 0) timesteps[slot.unconditional_row] = step.timestep;
}

// Guided eps of elements from `at` on.
template <int kWidth, typename T>
ARC2FACE_HD inline Pack<float, kWidth> GuidePack(const BatchSlot& slot, size_t elements, size_t at, const T* eps) {
  const auto conditional = LoadPack<kWidth>(eps + slot.conditional_row * elements + at);
  Pack<float, kWidth> guided;
  if (slot.unconditional_row < 0) {
    for (int i = 0; i < kWidth; ++i) guided.values[i] = ToFloat(conditional.values[i]);
    return guided;
  }
  const auto unconditional = LoadPack<kWidth>(eps + static_cast<size_t>(slot.unconditional_row) * elements + at);
  for (int i = 0; i < kWidth; ++i) {
    guided.values[i] = Guide(ToFloat(conditional.values[i]), ToFloat(unconditional.values[i]), slot.guidance_scale);
  }
  return guided;
}

// What the slot's mask keeps of elements from `at` on.
template <int kWidth>
ARC2FACE_HD inline void KeepPack(const BatchSlot& slot, const PlanStep& step, size_t elements, size_t at,
                                 Pack<float, kWidth>& painted) {
  const auto latents = LoadPack<kWidth>(slot.kept + at);
  const auto noise = LoadPack<kWidth>(slot.kept + elements + at);
  const auto mask = LoadPack<kWidth>(slot.kept + 2 * elements + at);
  for (int i = 0; i < kWidth; ++i) {
    const float photo = Mix(step.kept, latents.values[i], noise.values[i]);
    painted.values[i] = Blend(mask.values[i], painted.values[i], photo);
  }
}

// ApplyStep, except for the slot's position, for elements from `at` on. Every register is read at most once, and only
// if a sum has it. The loops have fixed bounds, so that the sums stay in the processor's registers.
template <int kWidth, typename T>
ARC2FACE_HD inline void ApplyPack(const BatchSlot& slot, const PlanStep& step, size_t elements, size_t at,
                                  const T* eps) {
  const Pack<float, kWidth> guided = GuidePack<kWidth>(slot, elements, at, eps);
  Pack<float, kWidth> sums[kMaxAssignments] = {};
  for (uint32_t r = 0; r < kRegisters; ++r) {
    bool used = false;
    for (uint32_t a = 0; a < kMaxAssignments; ++a) {
      used |= a < step.assignment_count && step.assignments[a].coefficients[r] != 0;
    }
    if (!used) continue;
    const Pack<float, kWidth> values = r == kEps ? guided : LoadPack<kWidth>(slot.registers + r * elements + at);
    for (uint32_t a = 0; a < kMaxAssignments; ++a) {
      const float coefficient = a < step.assignment_count ? step.assignments[a].coefficients[r] : 0;
      if (coefficient == 0) continue;
      for (int i = 0; i < kWidth; ++i) {
        sums[a].values[i] = AddTerm(sums[a].values[i], coefficient, values.values[i]);
      }
    }
  }
  StorePack(slot.registers + kEps * elements + at, guided);
  for (uint32_t a = 0; a < kMaxAssignments; ++a) {
    if (a >= step.assignment_count) continue;
    const uint32_t to = step.assignments[a].to;
    if (to == kLatents && slot.kept != nullptr) KeepPack(slot, step, elements, at, sums[a]);
    StorePack(slot.registers + to * elements + at, sums[a]);
  }
}

}  // namespace arc2face
