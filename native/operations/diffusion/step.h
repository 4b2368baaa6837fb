// One sampler step: guidance, then a few weighted sums of per-image buffers (a plan's linear program,
// lib/samplers/plan.ts). Functions marked ARC2FACE_HD are the arithmetic of both host and GPU.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../../half.h"
#include "../../host_device.h"

namespace arc2face {

class Stream;

// Registers, in the order of lib/samplers/plan.ts.
enum Register : uint32_t { kLatents = 0, kEps = 1, kNoise = 2, kHistory = 3, kPreview = 7 };
inline constexpr uint32_t kRegisters = 8;
inline constexpr uint32_t kMaxAssignments = 4;

// register[to] = sum of coefficient[i] * register[i]; a coefficient of 0 leaves its register out, even if it holds
// NaN.
struct Assignment {
  uint32_t to;
  float coefficients[kRegisters];
};

// `latents` * those of an image's photo + `noise` * its start noise, a standard normal draw.
struct Mixture {
  float latents;
  float noise;
};

// One network evaluation and what follows it. All sums read the values from before the step.
struct PlanStep {
  float timestep;
  float input_scale;  // the network's input is input_scale * latents
  uint32_t draws_noise;
  uint32_t assignment_count;
  Assignment assignments[kMaxAssignments];
  Mixture kept = {};  // what the latents become where a mask keeps the photo
};

// Whether the step leaves the image as it is expected to become in kPreview.
bool Shows(const PlanStep& step);

struct Plan {
  Mixture start;  // the latents of an image before the first step
  std::vector<PlanStep> steps;
};

inline constexpr uint32_t kKeptRows = 3;

// One image's place in a batch. In device memory, so that a captured graph replays with new values.
struct BatchSlot {
  float* registers;           // [kRegisters, elements], device memory, aligned to 32 bytes
  const PlanStep* plan;       // device memory; null: no image has the place
  uint32_t position;          // the plan's step of the next evaluation; ApplyStep advances it
  uint32_t conditional_row;   // row of the network's batch
  int32_t unconditional_row;  // -1: no guidance
  float guidance_scale;
  // [kKeptRows, elements], as the registers: the photo's latents, the start noise, and the mask, 1 where the image is
  // painted and 0 where the photo is kept = nullptr; null: all is painted.
  const float* kept = nullptr;
  uint32_t arrivals = 0;  // blocks of ApplyStep's kernel that have read the slot; 0 before and after it
};

// Noise prediction with classifier-free guidance, Ho & Salimans 2022, arXiv:2207.12598, in diffusers' form.
ARC2FACE_HD inline float Guide(float conditional, float unconditional, float scale) {
  return fmaf(scale, conditional - unconditional, unconditional);
}

// One term of an assignment; terms are added in the order of the registers, starting from 0.
ARC2FACE_HD inline float AddTerm(float sum, float coefficient, float value) { return fmaf(coefficient, value, sum); }

ARC2FACE_HD inline float Mix(const Mixture& mixture, float latents, float noise) {
  return fmaf(mixture.noise, noise, mixture.latents * latents);
}

// Inpainting's one more assignment, for latents after a step. Exactly one or the other where the mask is 1 or 0.
ARC2FACE_HD inline float Blend(float mask, float painted, float photo) {
  return fmaf(mask, painted, (1 - mask) * photo);
}

// The operations. `slots` has `count` entries; those without an image are skipped; `elements` is the size of
// one image's latents.

// sample[row] = input_scale * latents and timesteps[row], for every row of a slot. `sample` is rounded to the
// network's precision; timesteps stay float32, because a plan's fractions of a thousand do not fit 16 bits.
void GatherRows(Stream& stream, const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample,
                float* timesteps);

// Guidance over eps [rows, elements] into each slot's eps register, its plan's assignments, what its mask keeps, and
// its position + 1. All in float32, whatever the precision of `eps`.
void ApplyStep(Stream& stream, BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps);

// Their definitions.
void GatherRowsHost(const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample, float* timesteps);
void ApplyStepHost(BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps);

}  // namespace arc2face
