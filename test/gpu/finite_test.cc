// The kernel that looks for numbers that are not finite, against its definition at every size.
#include "operations/diffusion/finite.h"

#include <limits>

#include "gpu.h"
#include "operation_data.h"

namespace arc2face::testing {
namespace {

template <typename T>
class GpuFinite : public GpuTest {};
using Precisions = ::testing::Types<float, Half>;
TYPED_TEST_SUITE(GpuFinite, Precisions);

TYPED_TEST(GpuFinite, FindsWhatTheDefinitionFinds) {
  for (const size_t count : kElementCounts) {
    for (const int shift : {0, 1}) {  // off 16 bytes, one by one
      for (const size_t bad : {count, size_t{0}, count / 2, count - 1}) {
        auto numbers = RandomNumbers<TypeParam>(count, 9);
        if (bad < count) numbers[bad] = FromFloat<TypeParam>(std::numeric_limits<float>::quiet_NaN());
        std::vector<uint32_t> expected(1);
        FindNotFiniteHost(numbers.data(), count, expected.data());
        OnGpu<TypeParam> values(*this->gpu, *this->stream, numbers, shift);
        OnGpu<uint32_t> found(*this->gpu, *this->stream, std::vector<uint32_t>(1), 0);
        FindNotFinite(*this->stream, values.data(), count, found.data());
        EXPECT_EQ(found.values(), expected) << bad << " of " << count << " numbers, shifted by " << shift;
      }
    }
  }
}

}  // namespace
}  // namespace arc2face::testing
