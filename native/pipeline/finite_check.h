// What networks give is looked at before it is used, on the device; numbers that are not finite are an error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../device/device.h"
#include "../half.h"
#include "../provider/provider.h"
#include "networks.h"

namespace arc2face {

class FiniteCheck {
 public:
  // Looks at what comes on `stream`. Throws kOutOfMemory.
  FiniteCheck(Device& device, Stream& stream);

  // Queues a look at `count` numbers, and its result.
  void Queue(ConstNetworkFloats values, size_t count);
  // Whether all numbers were finite that were looked at before what the stream has come to.
  bool passed() const noexcept;

 private:
  Stream* stream_;
  DeviceBuffer<uint32_t> found_;  // 1 once there was one that was not
  HostBytes found_on_host_;
};

// What is to be said of numbers of `network` that are not finite: kInvalidWeights when its weights have such, which are
// read for it, else kEngineFailed.
Error NotFinite(const Network& network, const NetworkRow& row);

}  // namespace arc2face
