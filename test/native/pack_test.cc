// A GPU thread's work, run by the host for all threads: the kernels' indices and packs without a GPU.
#include <gtest/gtest.h>

#include <limits>

#include "device/device.h"
#include "operation_data.h"
#include "operations/diffusion/step_pack.h"
#include "operations/image/image_pack.h"

namespace arc2face::testing {
namespace {

// Memory as from a device, aligned to whole packs.
template <typename T>
class Memory {
 public:
  explicit Memory(const std::vector<T>& values) : buffer_(HostDevice(), values.size()) {
    std::copy(values.begin(), values.end(), buffer_.data());
  }
  T* data() { return buffer_.data(); }
  std::vector<T> values() const { return {buffer_.data(), buffer_.data() + buffer_.size()}; }

 private:
  DeviceBuffer<T> buffer_;
};

// Calls use(width) with every number of elements that a thread may take: 1, and a pack if the data is whole packs.
template <int kPack, typename Use>
void ForWidths(size_t elements, Use use) {
  use(std::integral_constant<int, 1>());
  if (elements % kPack == 0) use(std::integral_constant<int, kPack>());
}

// Three slots over five rows of a batch: guided; not guided, with a mask; guided with the rows the other way round.
struct Batch {
  Batch(size_t elements, uint32_t seed)
      : plan{RandomStep(seed), RandomStep(seed + 1)},
        registers{Memory(RandomNumbers<float>(kRegisters * elements, seed + 2)),
                  Memory(RandomNumbers<float>(kRegisters * elements, seed + 3)),
                  Memory(RandomNumbers<float>(kRegisters * elements, seed + 4))},
        kept(RandomNumbers<float>(kKeptRows * elements, seed + 5)),
        slots{{registers[0].data(), plan, 1, 0, 3, 3.0f},
              {registers[1].data(), plan, 0, 2, -1, 5.0f, kept.data()},
              {registers[2].data(), plan, 1, 4, 1, -0.5f}} {}

  PlanStep plan[2];
  Memory<float> registers[3];
  Memory<float> kept;
  BatchSlot slots[3];
};
constexpr size_t kSlots = 3, kRows = 5;

template <typename T>
class StepPack : public ::testing::Test {};
using Precisions = ::testing::Types<float, Half>;
TYPED_TEST_SUITE(StepPack, Precisions);

TYPED_TEST(StepPack, GathersWhatTheDefinitionGathers) {
  for (const size_t elements : kElementCounts) {
    ForWidths<kStepWidth<TypeParam>>(elements, [&](auto width) {
      Batch batch(elements, 7);
      Memory<TypeParam> expected(std::vector<TypeParam>(kRows * elements)), sample(expected.values());
      std::vector<float> expected_timesteps(kRows, -1), timesteps(kRows, -1);
      GatherRowsHost(batch.slots, kSlots, elements, expected.data(), expected_timesteps.data());
      for (const BatchSlot& slot : batch.slots) {
        const PlanStep& step = slot.plan[slot.position];
        for (size_t at = 0; at < elements; at += width) {
          GatherPack<width>(slot, step, elements, at, sample.data());
        }
        GatherTimesteps(slot, step, timesteps.data());
      }
      EXPECT_TRUE(SameBits(sample.values(), expected.values())) << elements << " elements in packs of " << width;
      EXPECT_EQ(timesteps, expected_timesteps);
    });
  }
}

TYPED_TEST(StepPack, AppliesWhatTheDefinitionApplies) {
  for (const size_t elements : kElementCounts) {
    for (const uint32_t seed : {20u, 21u, 22u}) {  // one, two and three sums
      ForWidths<kStepWidth<TypeParam>>(elements, [&](auto width) {
        Batch expected(elements, seed), batch(elements, seed);
        Memory<TypeParam> eps(RandomNumbers<TypeParam>(kRows * elements, seed + 9));
        ApplyStepHost(expected.slots, kSlots, elements, eps.data());
        for (const BatchSlot& slot : batch.slots) {
          for (size_t at = 0; at < elements; at += width) {
            ApplyPack<width>(slot, slot.plan[slot.position], elements, at, eps.data());
          }
        }
        for (size_t s = 0; s < kSlots; ++s) {
          EXPECT_TRUE(SameBits(batch.registers[s].values(), expected.registers[s].values()))
              << elements << " elements in packs of " << width << ", slot " << s << ", seed " << seed;
        }
      });
    }
  }
}

TEST(StepPack, LeavesOutRegistersOfNoWeight) {
  const PlanStep plan = {0, 1, 0, 1, {{kLatents, {2}}}};
  Memory<float> registers(std::vector<float>(kRegisters, std::numeric_limits<float>::quiet_NaN()));
  registers.data()[kLatents] = 4;
  const float eps = std::numeric_limits<float>::infinity();
  ApplyPack<1>({registers.data(), &plan, 0, 0, -1, 1}, plan, 1, 0, &eps);
  EXPECT_EQ(registers.data()[kLatents], 8);
}

// Sides around a pack of floats and around a block's 32 columns.
constexpr int kSides[] = {1, 3, 4, 5, 31, 32, 33, 64, 257};

TEST(ImagePack, LettersWhatTheDefinitionLetters) {
  for (const int width : kSides) {
    for (const int height : {1, 33, 100}) {
      for (const auto& [input_width, input_height] : {std::pair{64, 96}, {33, 31}, {128, 4}, {1, 1}}) {
        Memory<uint8_t> pixels(RandomBytes(3 * static_cast<size_t>(width) * height, 3));
        const PhotoView photo{pixels.data(), width, height};
        const Letterbox letterbox = FitPhoto(width, height, input_width, input_height);
        const ResizedSide columns = ResizedColumns(width, letterbox.resized_width);
        const ResizedSide rows = ResizedRows(height, letterbox.resized_height);
        Memory<float> expected(std::vector<float>(3 * static_cast<size_t>(input_width) * input_height));
        LetterboxHost(photo, letterbox, expected.data());
        ForWidths<kPackWidth<float>>(input_width, [&](auto pack) {
          Memory<float> input(std::vector<float>(3 * static_cast<size_t>(input_width) * input_height));
          for (int y = 0; y < input_height; ++y) {
            for (int x = 0; x < input_width; x += pack) {
              LetterboxPack<pack>(photo, letterbox, columns, rows, x, y, input.data());
            }
          }
          EXPECT_TRUE(SameBits(input.values(), expected.values()))
              << width << " x " << height << " in " << input_width << " x " << input_height << ", packs of " << pack;
        });
      }
    }
  }
}

TEST(ImagePack, AlignsWhatTheDefinitionAligns) {
  // Upright, turned and mirrored, far outside.
  const Affine affines[] = {
      {0.5, 0.1, 3.25, -0.1, 0.5, 7.5}, {-1.25, 2, 30, 2, 1.25, -20}, {1, 0, 1e9, 0, 1, -1e9}, {30, 0, 0, 0, 30, 0}};
  for (const int side : kSides) {
    Memory<uint8_t> pixels(RandomBytes(3 * static_cast<size_t>(side) * 40, 4));
    const PhotoView photo{pixels.data(), side, 40};
    for (const int size : {1, 31, 33, 112}) {
      for (const Affine& affine : affines) {
        const std::vector<float> zeros(3 * static_cast<size_t>(size) * size);
        Memory<float> expected(zeros);
        AlignFaceHost(photo, affine, size, expected.data());
        const Affine crop_to_photo = Invert(affine);
        ForWidths<kPackWidth<float>>(size, [&](auto pack) {
          Memory<float> input(zeros);
          for (int y = 0; y < size; ++y) {
            for (int x = 0; x < size; x += pack) AlignPack<pack>(photo, crop_to_photo, size, x, y, input.data());
          }
          EXPECT_TRUE(SameBits(input.values(), expected.values()))
              << side << " wide, crop " << size << ", packs " << pack;
        });
      }
    }
  }
}

template <typename T>
class QuantisePackOf : public ::testing::Test {};
TYPED_TEST_SUITE(QuantisePackOf, Precisions);

TYPED_TEST(QuantisePackOf, QuantisesWhatTheDefinitionQuantises) {
  for (const int width : {0, 1, 15, 16, 17, 31, 33, 257, 512}) {
    constexpr int kHeight = 3;
    const size_t pixels = static_cast<size_t>(width) * kHeight;
    Memory<TypeParam> image(RandomNumbers<TypeParam>(3 * pixels, 5));
    if (pixels > 0) image.data()[pixels] = FromFloat<TypeParam>(std::numeric_limits<float>::quiet_NaN());
    Memory<uint8_t> expected(std::vector<uint8_t>(3 * pixels));
    QuantiseHost(image.data(), kHeight, width, expected.data());
    ForWidths<kPackWidth<uint8_t>>(pixels, [&](auto pack) {
      Memory<uint8_t> rgb(std::vector<uint8_t>(3 * pixels, 77));
      for (size_t at = 0; at < pixels; at += pack) QuantisePack<pack>(image.data(), pixels, at, rgb.data());
      EXPECT_EQ(rgb.values(), expected.values()) << width << " wide, packs of " << pack;
    });
  }
}

}  // namespace
}  // namespace arc2face::testing
