// The kernel that converts numbers, against its definition: the same bits at every size.
#include <utility>

#include "gpu.h"
#include "operation_data.h"
#include "operations/diffusion/convert.h"

namespace arc2face::testing {
namespace {

template <typename FromAndTo>
class GpuConvert : public GpuTest {};
using Precisions =
    ::testing::Types<std::pair<float, float>, std::pair<float, Half>, std::pair<Half, float>, std::pair<Half, Half>>;
TYPED_TEST_SUITE(GpuConvert, Precisions);

TYPED_TEST(GpuConvert, ConvertsWhatTheDefinitionConverts) {
  using From = typename TypeParam::first_type;
  using To = typename TypeParam::second_type;
  for (const size_t count : kElementCounts) {
    const auto numbers = RandomNumbers<From>(count, 9);
    std::vector<To> expected(count);
    ConvertHost(numbers.data(), expected.data(), count);
    for (const auto& [from_shift, to_shift] : {std::pair{0, 0}, {1, 0}, {0, 1}, {1, 1}}) {  // off 16 bytes, one by one
      OnGpu<From> from(*this->gpu, *this->stream, numbers, from_shift);
      OnGpu<To> to(*this->gpu, *this->stream, std::vector<To>(count), to_shift);
      Convert(*this->stream, from.data(), to.data(), count);
      EXPECT_TRUE(SameBits(to.values(), expected))
          << count << " numbers, shifted by " << from_shift << " and " << to_shift;
      EXPECT_TRUE(SameBits(from.values(), numbers)) << count << " numbers";
    }
  }
}

}  // namespace
}  // namespace arc2face::testing
