// Checks the networks' outputs before use, on the device; numbers that are not finite are an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "../device/device.h"
#include "../half.h"
#include "../provider/provider.h"
#include "networks.h"

namespace arc2face {

class FiniteCheck {
 public:
  // Checks numbers on `stream`. Throws kOutOfMemory.
  FiniteCheck(Device& device, Stream& stream);

  // Queues a check of `count` numbers, and its result.
  void Queue(ConstNetworkFloats values, size_t count);
  // Whether all numbers were finite, of the checks that the stream has completed.
  bool passed() const noexcept;

 private:
  Stream* stream_;
  DeviceBuffer<uint32_t> found_;  // 1 once one was not
  HostBytes found_on_host_;
};

// The error for numbers that are not finite in `output` of `network`, which ran on `device`: kInvalidWeights if its
// weights have such, which are read to find out, else kEngineFailed.
Error NotFinite(const Network& network, const NetworkRow& row, const std::string& output, const Device& device);

}  // namespace arc2face
