// Weights in the form that runtimes take.
#include "provider/weight_memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "half.h"
#include "operation_data.h"

namespace arc2face::testing {
namespace {

Weight MakeWeight(DataType type, int64_t count, const void* data) {
  return {.name = "w",
          .type = type,
          .shape = {count},
          .data = static_cast<const std::byte*>(data),
          .bytes = static_cast<size_t>(count) * Bytes(type)};
}

TEST(WeightMemory, LeavesWeightsWhereTheyLie) {
  const auto values = RandomNumbers<float>(33, 1);
  WeightMemory memory;
  const auto [type, data, bytes] = memory.Prepare(MakeWeight(DataType::kFloat32, 33, values.data()), "net");
  EXPECT_EQ(type, DataType::kFloat32);
  EXPECT_EQ(static_cast<const void*>(data), values.data());
  EXPECT_EQ(bytes, 33 * sizeof(float));
}

TEST(WeightMemory, AlignsAndRoundsEverySizeAtEveryPlace) {
  for (const int64_t count : {0, 1, 31, 33, 257}) {
    for (const size_t shift : {0, 1, 2, 3}) {
      const auto values = RandomNumbers<float>(static_cast<size_t>(count), 2);
      std::vector<std::byte> file(values.size() * sizeof(float) + shift);
      if (count > 0) std::memcpy(file.data() + shift, values.data(), values.size() * sizeof(float));
      WeightMemory memory;
      Weight weight = MakeWeight(DataType::kFloat32, count, file.data() + shift);
      const auto aligned = memory.Prepare(weight, "net");
      EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned.data) % alignof(float), 0u);
      weight.as = DataType::kFloat16;
      const auto halves = memory.Prepare(weight, "net");
      EXPECT_EQ(halves.type, DataType::kFloat16);
      EXPECT_EQ(halves.bytes, values.size() * sizeof(Half));
      for (size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(reinterpret_cast<const float*>(aligned.data)[i], values[i]);
        EXPECT_EQ(reinterpret_cast<const Half*>(halves.data)[i].bits, ToHalf(values[i]).bits);
      }
    }
  }
}

TEST(WeightMemory, NamesTheWeightThatDoesNotFit) {
  const std::vector<float> values(4);
  const auto refusal = [&](const Weight& weight) {
    try {
      WeightMemory().Prepare(weight, "net");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidWeights);
      return std::string(error.what());
    }
    return std::string("nothing thrown");
  };
  Weight weight = MakeWeight(DataType::kFloat32, 4, values.data());
  weight.bytes = 12;
  EXPECT_NE(refusal(weight).find("16 bytes for the weight w of the network net"), std::string::npos) << refusal(weight);
  weight = MakeWeight(DataType::kInt64, 2, values.data());
  weight.as = DataType::kFloat16;
  EXPECT_NE(refusal(weight).find("int64"), std::string::npos) << refusal(weight);
}

StoredTensor MakeStored(const char* name, std::vector<int64_t> shape, const std::vector<float>& values) {
  return {.name = name,
          .file = "/lora",
          .type = DataType::kFloat32,
          .shape = std::move(shape),
          .data = reinterpret_cast<const std::byte*>(values.data()),
          .bytes = values.size() * sizeof(float)};
}

// 3 x 5 numbers, and factors of rank 2.
struct Sample {
  std::vector<float> base = RandomNumbers<float>(15, 3), up = RandomNumbers<float>(6, 4),
                     down = RandomNumbers<float>(10, 5);
  Weight weight = {
      .name = "w",
      .type = DataType::kFloat32,
      .shape = {3, 5},
      .data = reinterpret_cast<const std::byte*>(base.data()),
      .bytes = 15 * sizeof(float),
      .deltas = {{.factor = 0.5f, .up = MakeStored("up", {3, 2}, up), .down = MakeStored("down", {2, 5}, down)}}};
};

Error RefusalOf(const Weight& weight) {
  try {
    WeightMemory().Prepare(weight, "net");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidWeights);
    return error;
  }
  return {ErrorCode::kCancelled, "nothing thrown"};
}

TEST(WeightMemory, AddsDeltas) {
  const Sample sample;
  WeightMemory memory;
  const auto [type, data, bytes] = memory.Prepare(sample.weight, "net");
  EXPECT_EQ(type, DataType::kFloat32);
  EXPECT_EQ(bytes, 15 * sizeof(float));
  for (size_t i = 0; i < 15; ++i) {
    const size_t row = i / 5, column = i % 5;
    const float product = sample.up[row * 2] * sample.down[column] + sample.up[row * 2 + 1] * sample.down[5 + column];
    EXPECT_EQ(reinterpret_cast<const float*>(data)[i], sample.base[i] + 0.5f * product);
  }
}

TEST(WeightMemory, AddsDeltasToNothing) {
  Sample sample;
  sample.weight.shape = {0, 5};
  sample.weight.bytes = 0;
  EXPECT_EQ(WeightMemory().Prepare(sample.weight, "net").bytes, 0u);
}

// lib has checked them; a mistake there must not read beyond a tensor.
TEST(WeightMemory, RefusesDeltasThatDoNotFit) {
  const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> unfit = {
      {{3, 2}, {}},        {{}, {2, 5}},        {{3, 2}, {0, 5}},    {{3, 2}, {2, 6}},
      {{2, 2}, {2, 5}},    {{3, 1}, {2, 5}},    {{3, 3}, {2, 5}},    {{6}, {2, 5}},
      {{3, 2}, {10}},      {{3, 2, 2}, {2, 5}}, {{-3, 2}, {2, 5}},   {{3, 2}, {2, -5}},
      {{3, 2}, {1 << 30}}, {{3, 2}, {5, 2}},    {{1, 2, 3}, {2, 5}}, {{3, 1, 2}, {2, 5}},
  };
  for (const auto& [up, down] : unfit) {
    Sample sample;
    sample.weight.deltas[0].up.shape = up;
    sample.weight.deltas[0].down.shape = down;
    const Error error = RefusalOf(sample.weight);
    EXPECT_EQ(error.details().file, "/lora") << error.what();
    EXPECT_TRUE(error.details().tensor == "up" || error.details().tensor == "down") << error.what();
  }
  Sample sample;
  sample.weight.deltas[0].down.bytes -= 4;  // fewer than its shape has
  EXPECT_EQ(RefusalOf(sample.weight).details().tensor, "down");
  sample = Sample();
  sample.weight.deltas[0].up.type = DataType::kInt32;
  EXPECT_EQ(RefusalOf(sample.weight).details().tensor, "up");
}

TEST(WeightMemory, AddsToFloatsOnly) {
  Sample sample;
  sample.weight.as = DataType::kBFloat16;
  EXPECT_EQ(RefusalOf(sample.weight).details().tensor, "w");
  sample.weight.as.reset();
  sample.weight.type = DataType::kInt32;
  EXPECT_EQ(RefusalOf(sample.weight).details().tensor, "w");
}

TEST(WeightMemory, SaysWhoseNumbersAreNotFinite) {
  Sample sample;
  sample.down[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(RefusalOf(sample.weight).details().tensor, "down");
  sample.up[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(RefusalOf(sample.weight).details().tensor, "up");
  EXPECT_EQ(RefusalOf(sample.weight).details().file, "/lora");

  // The network says so when it runs, as without deltas.
  sample.base[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(reinterpret_cast<const float*>(WeightMemory().Prepare(sample.weight, "net").data)[2]));
}

TEST(WeightMemory, RefusesSumsThatTheTypeCantHold) {
  Sample sample;
  sample.up.assign(6, 1);
  sample.down.assign(10, 1);
  sample.base.assign(15, 0);
  const auto half_of = [&](float factor) {
    sample.weight.as = DataType::kFloat16;
    sample.weight.deltas[0].factor = factor;
    WeightMemory memory;
    return reinterpret_cast<const Half*>(memory.Prepare(sample.weight, "net").data)[0].bits;
  };
  // What rounds to 65504, the largest of all, is 2 * factor.
  EXPECT_EQ(half_of(32759.998f), 0x7bff);
  EXPECT_EQ(half_of(-32759.998f), 0xfbff);
  sample.weight.deltas[0].factor = 32760;
  const Error error = RefusalOf(sample.weight);
  EXPECT_EQ(error.details().tensor, "w");
  EXPECT_NE(std::string(error.what()).find("float16 can't hold"), std::string::npos) << error.what();
  sample.weight.as.reset();
  EXPECT_EQ(WeightMemory().Prepare(sample.weight, "net").type, DataType::kFloat32);
  sample.weight.deltas[0].factor = 3e38f;
  EXPECT_NE(std::string(RefusalOf(sample.weight).what()).find("float32 can't hold"), std::string::npos);
}

}  // namespace
}  // namespace arc2face::testing
