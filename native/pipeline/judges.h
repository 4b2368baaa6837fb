// The networks that measures of portraits are made of: features of an image, and how different two look.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "../provider/provider.h"
#include "face_reader.h"

namespace arc2face {

// Of a pair for LPIPS: a smaller image has nothing left in AlexNet's last layers.
inline constexpr int kLeastPairSide = 31;
// Throws kInvalidImage unless both are of one size that is large enough.
void CheckPair(const Photo& first, const Photo& second);

class Judges {
 public:
  // Either may be null. Throws kInvalidBundle unless they have the interfaces of models/evaluation.
  Judges(Device& device, Stream& stream, std::unique_ptr<Network> inception, std::unique_ptr<Network> lpips);

  // FID's, of an image of any size.
  std::vector<float> Features(const Photo& image, Interrupt& interrupt);

  // LPIPS, 0 for equal images.
  float Distance(const Photo& first, const Photo& second, Interrupt& interrupt);

 private:
  Device& device_;
  Stream& stream_;
  std::unique_ptr<Network> inception_;
  std::unique_ptr<Network> lpips_;
  size_t features_ = 0;  // numbers of an image
};

}  // namespace arc2face
