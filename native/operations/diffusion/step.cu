// The kernels of step.h.
#include <algorithm>

#include "../../device/cuda/check.h"
#include "../../device/cuda/grid.h"
#include "step_cuda.h"
#include "step_pack.h"

namespace arc2face {
namespace {

// The limit of a grid's second dimension.
constexpr size_t kSlotsPerLaunch = 1024;

// A block's slot and its current step, read once for all threads. Both are plain words; the copy's arrivals,
// which other blocks may be counting, mean nothing.
struct Turn {
  BatchSlot slot;
  PlanStep step;
};
static_assert(sizeof(PlanStep) % sizeof(uint32_t) == 0 && sizeof(PlanStep) / sizeof(uint32_t) <= kBlockThreads);

// False if no image has the slot.
__device__ bool ReadTurn(const BatchSlot& slot, Turn& turn) {
  if (threadIdx.x == 0) turn.slot = slot;
  __syncthreads();
  if (turn.slot.plan == nullptr) return false;
  const auto* words = reinterpret_cast<const uint32_t*>(turn.slot.plan + turn.slot.position);
  if (threadIdx.x < sizeof(PlanStep) / sizeof(uint32_t)) {
    reinterpret_cast<uint32_t*>(&turn.step)[threadIdx.x] = words[threadIdx.x];
  }
  __syncthreads();
  return true;
}

__device__ size_t FirstElement(int width) {
  return (blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x) * static_cast<size_t>(width);
}

// A row of the grid per slot.
template <int kWidth, typename T>
__global__ void GatherRowsKernel(const BatchSlot* slots, size_t elements, T* sample, float* timesteps) {
  __shared__ Turn turn;
  if (!ReadTurn(slots[blockIdx.y], turn)) return;
  const size_t at = FirstElement(kWidth);
  if (at < elements) GatherPack<kWidth>(turn.slot, turn.step, elements, at, sample);
  if (blockIdx.x == 0 && threadIdx.x == 0) GatherTimesteps(turn.slot, turn.step, timesteps);
}

// A row of the grid per slot. All its blocks read the slot's position, so the last to arrive at the end advances it.
template <int kWidth, typename T>
__global__ void ApplyStepKernel(BatchSlot* slots, size_t elements, const T* eps) {
  __shared__ Turn turn;
  if (!ReadTurn(slots[blockIdx.y], turn)) return;
  const size_t at = FirstElement(kWidth);
  if (at < elements) ApplyPack<kWidth>(turn.slot, turn.step, elements, at, eps);
  if (threadIdx.x == 0) {
    __threadfence();  // thread 0 reads the position before its arrival is visible
    const unsigned last = gridDim.x - 1;
    // Counts from 0 to `last` and wraps, so that the next launch finds a zero.
    BatchSlot& slot = slots[blockIdx.y];
    if (atomicInc(&slot.arrivals, last) == last) slot.position = turn.slot.position + 1;
  }
}

// Even without elements every slot has work: its timesteps, its position.
dim3 Grid(size_t elements, int width, size_t count) {
  return {std::max(1u, Blocks((elements + width - 1) / width)), static_cast<unsigned>(count)};
}

// Calls launch(first, count) over all slots, as many at once as a launch allows.
template <typename Launch>
void ForSlots(size_t count, const char* what, Launch launch) {
  for (size_t first = 0; first < count; first += kSlotsPerLaunch) {
    launch(first, std::min(kSlotsPerLaunch, count - first));
    CheckCuda(cudaGetLastError(), what);
  }
}

// Whether rows begin at whole packs: all registers do if one row does (see BatchSlot).
template <typename T>
bool MovesInPacks(size_t elements, const T* rows) {
  return elements % kStepWidth<T> == 0 && IsAligned(rows, kStepWidth<T> * sizeof(T));
}

template <typename T>
void GatherRows(const BatchSlot* slots, size_t count, size_t elements, T* sample, float* timesteps,
                cudaStream_t stream) {
  constexpr int kWidth = kStepWidth<T>;
  const bool packs = MovesInPacks(elements, sample);
  ForSlots(count, "queue the rows of a step", [&](size_t first, size_t slots_here) {
    if (packs) {
      GatherRowsKernel<kWidth><<<Grid(elements, kWidth, slots_here), kBlockThreads, 0, stream>>>(
          slots + first, elements, sample, timesteps);
    } else {
      GatherRowsKernel<1>
          <<<Grid(elements, 1, slots_here), kBlockThreads, 0, stream>>>(slots + first, elements, sample, timesteps);
    }
  });
}

template <typename T>
void ApplyStep(BatchSlot* slots, size_t count, size_t elements, const T* eps, cudaStream_t stream) {
  constexpr int kWidth = kStepWidth<T>;
  const bool packs = MovesInPacks(elements, eps);
  ForSlots(count, "queue a step of the sampler", [&](size_t first, size_t slots_here) {
    if (packs) {
      ApplyStepKernel<kWidth>
          <<<Grid(elements, kWidth, slots_here), kBlockThreads, 0, stream>>>(slots + first, elements, eps);
    } else {
      ApplyStepKernel<1><<<Grid(elements, 1, slots_here), kBlockThreads, 0, stream>>>(slots + first, elements, eps);
    }
  });
}

}  // namespace

void GatherRowsCuda(const BatchSlot* slots, size_t count, size_t elements, NetworkFloats sample, float* timesteps,
                    cudaStream_t stream) {
  std::visit([&](auto* rows) { GatherRows(slots, count, elements, rows, timesteps, stream); }, sample);
}

void ApplyStepCuda(BatchSlot* slots, size_t count, size_t elements, ConstNetworkFloats eps, cudaStream_t stream) {
  std::visit([&](const auto* rows) { ApplyStep(slots, count, elements, rows, stream); }, eps);
}

}  // namespace arc2face
