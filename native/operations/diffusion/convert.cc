// The definition of convert.h.
#include "convert.h"

#include <algorithm>
#include <type_traits>

#include "../kernels.h"
#include "convert_cuda.h"

namespace arc2face {

void ConvertHost(ConstNetworkFloats from, NetworkFloats to, size_t count) {
  std::visit(
      [&](const auto* numbers, auto* converted) {
        using To = std::remove_pointer_t<decltype(converted)>;
        std::transform(numbers, numbers + count, converted, [](auto number) { return Converted<To>(number); });
      },
      from, to);
}

void Convert(Stream& stream, ConstNetworkFloats from, NetworkFloats to, size_t count) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) return ConvertCuda(from, to, count, cuda);
  }
  ConvertHost(from, to, count);
}

}  // namespace arc2face
