#include "select.h"

#include <charconv>
#include <string_view>

#include "../error.h"
#include "cuda.h"

namespace arc2face {

Device& DeviceNamed(const std::string& name) {
  constexpr std::string_view kNumbered = "cuda:";
  if (name == "cpu") return HostDevice();
  if (name == "cuda") return CudaDevice(0);
  if (name.starts_with(kNumbered)) {
    const char* const end = name.data() + name.size();
    int index = -1;
    const auto [rest, status] = std::from_chars(name.data() + kNumbered.size(), end, index);
    if (status == std::errc() && rest == end && index >= 0) return CudaDevice(index);
  }
  throw Error(ErrorCode::kInvalidArgument, "Expected cpu, cuda or cuda:N for device but received " + name + ".");
}

}  // namespace arc2face
