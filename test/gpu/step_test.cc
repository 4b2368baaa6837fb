// The kernels of a step, against their definitions: the same bits at every size.
#include <cstring>
#include <iterator>
#include <random>
#include <string>

#include "gpu.h"
#include "operation_data.h"

namespace arc2face::testing {
namespace {

// Slots of one batch on the host and on the GPU, over the same plans; every fourth has a mask.
class Slots {
 public:
  Slots(Device& gpu, Stream& stream, size_t count, size_t elements, uint32_t seed)
      : plan_{RandomStep(seed), RandomStep(seed + 1), RandomStep(seed + 2)}, gpu_plan_(gpu, stream, plan_) {
    uint32_t row = 0;
    for (size_t s = 0; s < count; ++s) {
      host_registers_.push_back(RandomNumbers<float>(kRegisters * elements, seed + static_cast<uint32_t>(s)));
      gpu_registers_.emplace_back(gpu, stream, host_registers_.back());
      const bool guided = s % 3 != 1;
      const uint32_t first = row++;
      const int32_t second = guided ? static_cast<int32_t>(row++) : -1;
      host.push_back({host_registers_.back().data(), plan_.data(), static_cast<uint32_t>(s % 2), first, second,
                      1.5f * static_cast<float>(s % 5)});
      on_gpu_.push_back(host.back());
      if (s % 4 == 3) {
        host_kept_.push_back(RandomNumbers<float>(kKeptRows * elements, seed + 7 + static_cast<uint32_t>(s)));
        gpu_kept_.emplace_back(gpu, stream, host_kept_.back());
        host.back().kept = host_kept_.back().data();
        on_gpu_.back().kept = gpu_kept_.back().data();
      }
      on_gpu_.back().registers = gpu_registers_.back().data();
      on_gpu_.back().plan = gpu_plan_.data();
    }
    rows = row;
    gpu_slots_ = std::make_unique<OnGpu<BatchSlot>>(gpu, stream, on_gpu_);
  }

  BatchSlot* gpu_slots() { return gpu_slots_->data(); }

  void ExpectSame(const std::string& where) const {
    for (size_t s = 0; s < host.size(); ++s) {
      EXPECT_TRUE(SameBits(gpu_registers_[s].values(), host_registers_[s])) << where << ", slot " << s;
    }
    const std::vector<BatchSlot> slots = gpu_slots_->values();
    for (size_t s = 0; s < host.size(); ++s) EXPECT_EQ(slots[s].position, host[s].position) << where << ", slot " << s;
  }

  std::vector<BatchSlot> host;
  size_t rows = 0;

 private:
  std::vector<PlanStep> plan_;
  OnGpu<PlanStep> gpu_plan_;
  std::vector<std::vector<float>> host_registers_;
  std::vector<OnGpu<float>> gpu_registers_;
  std::vector<std::vector<float>> host_kept_;
  std::vector<OnGpu<float>> gpu_kept_;
  std::vector<BatchSlot> on_gpu_;
  std::unique_ptr<OnGpu<BatchSlot>> gpu_slots_;
};

template <typename T>
class GpuStep : public GpuTest {};
using Precisions = ::testing::Types<float, Half>;
TYPED_TEST_SUITE(GpuStep, Precisions);

TYPED_TEST(GpuStep, GathersWhatTheDefinitionGathers) {
  for (const size_t elements : kElementCounts) {
    for (const size_t shift : {0, 1}) {  // unaligned, elements move one by one
      Slots slots(*this->gpu, *this->stream, 4, elements, 31);
      std::vector<TypeParam> expected(slots.rows * elements);
      std::vector<float> expected_timesteps(slots.rows);
      OnGpu<TypeParam> sample(*this->gpu, *this->stream, expected, shift);
      OnGpu<float> timesteps(*this->gpu, *this->stream, expected_timesteps);
      GatherRowsHost(slots.host.data(), slots.host.size(), elements, expected.data(), expected_timesteps.data());
      GatherRows(*this->stream, slots.gpu_slots(), slots.host.size(), elements, sample.data(), timesteps.data());
      EXPECT_TRUE(SameBits(sample.values(), expected)) << elements << " elements, shift " << shift;
      EXPECT_EQ(timesteps.values(), expected_timesteps) << elements << " elements";
    }
  }
}

TYPED_TEST(GpuStep, AppliesWhatTheDefinitionApplies) {
  for (const size_t elements : kElementCounts) {
    for (const size_t shift : {0, 1}) {
      Slots slots(*this->gpu, *this->stream, 4, elements, 47);
      // Two steps, so that the second finds the first's counts cleared and the position advanced.
      for (const uint32_t seed : {1u, 2u}) {
        const auto eps = RandomNumbers<TypeParam>(slots.rows * elements, seed);
        OnGpu<TypeParam> gpu_eps(*this->gpu, *this->stream, eps, shift);
        ApplyStepHost(slots.host.data(), slots.host.size(), elements, eps.data());
        ApplyStep(*this->stream, slots.gpu_slots(), slots.host.size(), elements, gpu_eps.data());
        slots.ExpectSame(std::to_string(elements) + " elements, shift " + std::to_string(shift));
      }
    }
  }
}

TYPED_TEST(GpuStep, TakesMoreSlotsThanALaunch) {
  constexpr size_t kElements = 33, kSlots = 2100;
  Slots slots(*this->gpu, *this->stream, kSlots, kElements, 5);
  const auto eps = RandomNumbers<TypeParam>(slots.rows * kElements, 6);
  OnGpu<TypeParam> gpu_eps(*this->gpu, *this->stream, eps);
  ApplyStepHost(slots.host.data(), kSlots, kElements, eps.data());
  ApplyStep(*this->stream, slots.gpu_slots(), kSlots, kElements, gpu_eps.data());
  slots.ExpectSame("all");
}

TYPED_TEST(GpuStep, WithoutSlotsTouchesNothing) {
  GatherRows(*this->stream, nullptr, 0, 16, static_cast<TypeParam*>(nullptr), nullptr);
  ApplyStep(*this->stream, nullptr, 0, 16, static_cast<const TypeParam*>(nullptr));
  this->stream->Synchronize();
}

// One slot whose step leaves latents unchanged.
BatchSlot PlainSlot(float* registers, const PlanStep* plan) { return {registers, plan, 0, 0, -1, 1}; }

class GpuHalf : public GpuTest {};

TEST_F(GpuHalf, WidensEveryHalfAsTheHostDoes) {
  constexpr size_t kHalves = 0x1'0000;
  std::vector<Half> halves(kHalves);
  for (size_t i = 0; i < kHalves; ++i) halves[i].bits = static_cast<uint16_t>(i);
  OnGpu<Half> eps(*gpu, *stream, halves);
  OnGpu<float> registers(*gpu, *stream, std::vector<float>(kRegisters * kHalves));
  OnGpu<PlanStep> plan(*gpu, *stream, {PlanStep{}});
  OnGpu<BatchSlot> slot(*gpu, *stream, {PlainSlot(registers.data(), plan.data())});
  ApplyStep(*stream, slot.data(), 1, kHalves, eps.data());
  const std::vector<float> widened = registers.values();
  for (size_t i = 0; i < kHalves; ++i) {
    const float expected = ToFloat(halves[i]), value = widened[kEps * kHalves + i];
    if (expected == expected) {
      EXPECT_EQ(std::memcmp(&value, &expected, sizeof(float)), 0) << i;
    } else {
      EXPECT_NE(value, value) << i;  // a NaN's payload differs between processors
    }
  }
}

TEST_F(GpuHalf, RoundsAsTheHostDoes) {
  // Every exponent and sign, with the fractions around the middle between two halves, and some at random.
  std::vector<float> floats;
  const auto add = [&](uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    floats.push_back(value);
  };
  constexpr uint32_t kAroundTheMiddle[] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1fff};
  std::mt19937 random(8);
  for (uint32_t high = 0; high < 512; ++high) {
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t kept = (random() & 0x3ff) << 13;
      const uint32_t dropped = i < std::size(kAroundTheMiddle) ? kAroundTheMiddle[i] : random() & 0x1fff;
      add(high << 23 | kept | dropped);
    }
  }
  std::vector<float> registers(kRegisters * floats.size());
  std::copy(floats.begin(), floats.end(), registers.begin());
  PlanStep identity{};
  identity.input_scale = 1;
  OnGpu<float> gpu_registers(*gpu, *stream, registers);
  OnGpu<PlanStep> plan(*gpu, *stream, {identity});
  OnGpu<BatchSlot> slot(*gpu, *stream, {PlainSlot(gpu_registers.data(), plan.data())});
  OnGpu<Half> sample(*gpu, *stream, std::vector<Half>(floats.size()));
  OnGpu<float> timesteps(*gpu, *stream, {0});
  GatherRows(*stream, slot.data(), 1, floats.size(), sample.data(), timesteps.data());
  const std::vector<Half> rounded = sample.values();
  for (size_t i = 0; i < floats.size(); ++i) EXPECT_EQ(rounded[i].bits, ToHalf(floats[i]).bits) << floats[i];
}

}  // namespace
}  // namespace arc2face::testing
