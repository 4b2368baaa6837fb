// The definitions of step.h.
#include <algorithm>
#include <cstring>

#include "../../vectorised.h"
#include "../kernels.h"
#include "step.h"
#include "step_cuda.h"

namespace arc2face {
namespace {

// Elements whose sums are buffered until all of a step's sums are known: small enough for the nearest cache.
constexpr size_t kBlock = 1024;

ARC2FACE_VECTORISED
void Scale(const float* values, float scale, size_t count, float* scaled) {
  for (size_t i = 0; i < count; ++i) scaled[i] = scale * values[i];
}
void Scale(const float* values, float scale, size_t count, Half* scaled) {
  for (size_t i = 0; i < count; ++i) scaled[i] = ToHalf(scale * values[i]);
}

// A block of eps in float32: in place, or converted into `room`.
const float* Widened(const float* values, size_t, float*) { return values; }
const float* Widened(const Half* values, size_t count, float* room) {
  for (size_t i = 0; i < count; ++i) room[i] = ToFloat(values[i]);
  return room;
}

ARC2FACE_VECTORISED
void GuideBlock(const float* conditional, const float* unconditional, float scale, size_t count, float* eps) {
  for (size_t i = 0; i < count; ++i) eps[i] = Guide(conditional[i], unconditional[i], scale);
}

ARC2FACE_VECTORISED
void AddTerms(float* sums, float coefficient, const float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) sums[i] = AddTerm(sums[i], coefficient, values[i]);
}

ARC2FACE_VECTORISED
void Keep(const Mixture& mixture, const float* latents, const float* noise, const float* mask, size_t count,
          float* painted) {
  for (size_t i = 0; i < count; ++i) painted[i] = Blend(mask[i], painted[i], Mix(mixture, latents[i], noise[i]));
}

// The assignments of one step over `count` elements of a block that begins at `registers` + r * `elements`, as rows of
// `kept` do, which may be null.
void Assign(const PlanStep& step, float* registers, const float* kept, size_t elements, size_t count) {
  float sums[kMaxAssignments][kBlock];
  const uint32_t assignments = std::min(step.assignment_count, kMaxAssignments);
  for (uint32_t a = 0; a < assignments; ++a) {
    std::fill_n(sums[a], count, 0.0f);
    for (uint32_t r = 0; r < kRegisters; ++r) {
      const float coefficient = step.assignments[a].coefficients[r];
      if (coefficient != 0) AddTerms(sums[a], coefficient, registers + r * elements, count);
    }
  }
  for (uint32_t a = 0; a < assignments; ++a) {
    const uint32_t to = step.assignments[a].to;
    if (to == kLatents && kept != nullptr) {
      Keep(step.kept, kept, kept + elements, kept + 2 * elements, count, sums[a]);
    }
    std::memcpy(registers + to * elements, sums[a], count * sizeof(float));
  }
}

template <typename T>
void GatherRows(const BatchSlot* slots, size_t count, size_t elements, T* sample, float* timesteps) {
  for (size_t s = 0; s < count; ++s) {
    const BatchSlot& slot = slots[s];
    if (slot.plan == nullptr) continue;
    const PlanStep& step = slot.plan[slot.position];
    const auto fill_row = [&](size_t row) {
      Scale(slot.registers + kLatents * elements, step.input_scale, elements, sample + row * elements);
      timesteps[row] = step.timestep;
    };
    fill_row(slot.conditional_row);
    if (slot.unconditional_row >= 0) fill_row(static_cast<size_t>(slot.unconditional_row));
  }
}

template <typename T>
void ApplyStep(BatchSlot* slots, size_t count, size_t elements, const T* eps) {
  float conditional_room[kBlock], unconditional_room[kBlock];
  for (size_t s = 0; s < count; ++s) {
    BatchSlot& slot = slots[s];
    if (slot.plan == nullptr) continue;
    const PlanStep& step = slot.plan[slot.position];
    for (size_t from = 0; from < elements; from += kBlock) {
      const size_t block = std::min(kBlock, elements - from);
      float* registers = slot.registers + from;
      float* guided = registers + kEps * elements;
      const float* conditional = Widened(eps + slot.conditional_row * elements + from, block, conditional_room);
      if (slot.unconditional_row < 0) {
        std::memcpy(guided, conditional, block * sizeof(float));
      } else {
        const T* row = eps + static_cast<size_t>(slot.unconditional_row) * elements;
        const float* unconditional = Widened(row + from, block, unconditional_room);
        GuideBlock(conditional, unconditional, slot.guidance_scale, block, guided);
      }
      Assign(step, registers, slot.kept == nullptr ? nullptr : slot.kept + from, elements, block);
    }
    ++slot.position;
  }
}

}  // namespace

bool Shows(const PlanStep& step) {
  const uint32_t assignments = std::min(step.assignment_count, kMaxAssignments);
  return std::any_of(step.assignments, step.assignments + assignments,
                     [](const Assignment& assignment) { return assignment.to == kPreview; });
}

void GatherRowsHost(const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample, float* timesteps) {
  std::visit([&](auto* rows) { GatherRows(slots, count, elements, rows, timesteps); }, sample);
}

void ApplyStepHost(BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps) {
  std::visit([&](const auto* rows) { ApplyStep(slots, count, elements, rows); }, eps);
}

void GatherRows(Stream& stream, const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample,
                float* timesteps) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) {
      return GatherRowsCuda(slots, count, elements, sample, timesteps, cuda);
    }
  }
  GatherRowsHost(slots, count, elements, sample, timesteps);
}

void ApplyStep(Stream& stream, BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) return ApplyStepCuda(slots, count, elements, eps, cuda);
  }
  ApplyStepHost(slots, count, elements, eps);
}

}  // namespace arc2face
