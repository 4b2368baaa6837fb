// Checks that the networks' outputs are finite.
#include "finite_check.h"

#include <cstring>
#include <string>

#include "../operations/diffusion/finite.h"

namespace arc2face {

FiniteCheck::FiniteCheck(Device& device, Stream& stream)
    : stream_(&stream), found_(device, 1), found_on_host_(device.AllocateHost(sizeof(uint32_t))) {
  std::memset(found_on_host_.get(), 0, sizeof(uint32_t));
  stream.Zero(found_.data(), found_.bytes());
}

void FiniteCheck::Queue(ConstNetworkFloats values, size_t count) {
  FindNotFinite(*stream_, values, count, found_.data());
  stream_->Download(found_on_host_.get(), found_.data(), found_.bytes());
}

bool FiniteCheck::passed() const noexcept {
  uint32_t found;
  std::memcpy(&found, found_on_host_.get(), sizeof found);
  return found == 0;
}

Error NotFinite(const Network& network, const NetworkRow& row, const std::string& output, const Device& device) {
  const std::string name = row.name;
  if (const auto weight = network.FindFaultyWeight()) {
    return Error(ErrorCode::kInvalidWeights,
                 "The weight " + weight->tensor + " of the network " + name +
                     " has numbers that are infinite or no numbers (NaN), in the file " + weight->file + ".",
                 {.file = weight->file, .network = name, .tensor = weight->tensor});
  }
  return Error(ErrorCode::kEngineFailed, "The network " + name + " gave numbers that are infinite or no numbers (NaN).",
               {.network = name, .tensor = output, .device = device.name()});
}

}  // namespace arc2face
