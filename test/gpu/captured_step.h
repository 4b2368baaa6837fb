// A step to capture, for tests of captured graphs.
#pragma once

#include <vector>

#include "gpu.h"
#include "operation_data.h"

namespace arc2face::testing {

// A step like the denoiser's: gather, a network (here a copy), apply.
class Step {
 public:
  Step(Device& gpu, Stream& stream, uint32_t seed, uint32_t steps)
      : stream_(stream),
        plan_(gpu, stream, Plan(seed, steps)),
        registers_(gpu, stream, RandomNumbers<float>(kRegisters * kElements, seed)),
        sample_(gpu, stream, std::vector<float>(2 * kElements)),
        timesteps_(gpu, stream, {0, 0}),
        slot_(gpu, stream, {{registers_.data(), plan_.data(), 0, 0, 1, 3.0f}}) {}

  void Queue() {
    GatherRows(stream_, slot_.data(), 1, kElements, sample_.data(), timesteps_.data());
    ApplyStep(stream_, slot_.data(), 1, kElements, sample_.data());
  }
  std::vector<float> registers() const { return registers_.values(); }
  uint32_t position() const { return slot_.values()[0].position; }

 private:
  static constexpr size_t kElements = 4096;

  static std::vector<PlanStep> Plan(uint32_t seed, uint32_t steps) {
    std::vector<PlanStep> plan;
    for (uint32_t i = 0; i < steps; ++i) {
      plan.push_back(RandomStep(seed + i));
      for (auto& assignment : plan.back().assignments) {
        for (float& coefficient : assignment.coefficients) coefficient /= 8;  // so that nothing overflows
      }
    }
    return plan;
  }

  Stream& stream_;
  OnGpu<PlanStep> plan_;
  OnGpu<float> registers_, sample_, timesteps_;
  OnGpu<BatchSlot> slot_;
};

// Whether a newly captured graph, forgotten afterwards, takes the same steps as queueing does.
inline bool ReplaysWhatIsQueued(Device& gpu, Stream& stream, uint32_t seed, uint32_t steps) {
  Step direct(gpu, stream, seed, steps), replayed(gpu, stream, seed, steps);
  for (uint32_t i = 0; i < steps; ++i) {
    direct.Queue();
    stream.Replay(7, [&] { replayed.Queue(); });
  }
  const bool same = SameBits(replayed.registers(), direct.registers()) && replayed.position() == steps;
  stream.Forget(7);
  return same;
}

}  // namespace arc2face::testing
