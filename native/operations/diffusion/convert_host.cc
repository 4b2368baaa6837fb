#include <algorithm>
#include <type_traits>

#include "convert.h"

namespace arc2face {

void ConvertHost(ConstNetworkFloats from, NetworkFloats to, size_t count) {
  std::visit(
      [&](const auto* numbers, auto* converted) {
        using To = std::remove_pointer_t<decltype(converted)>;
        std::transform(numbers, numbers + count, converted, [](auto number) { return Converted<To>(number); });
      },
      from, to);
}

}  // namespace arc2face
