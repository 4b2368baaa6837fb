// Weights in the form that runtimes take.
#include "provider/weight_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
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

}  // namespace
}  // namespace arc2face::testing
