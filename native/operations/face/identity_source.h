// Identities of nobody, drawn one after another. On the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../../interrupt.h"
#include "../diffusion/noise.h"

namespace arc2face {

// Each is `mean` plus `components`, weighted by the next numbers of torch.randn, in float64, brought to length 1. The
// same bits on every machine, however many are drawn at a time.
class IdentitySource {
 public:
  // `mean`: [kEmbeddingSize]; `components`: [n, kEmbeddingSize], each as long as its standard deviation. Both empty:
  // the numbers of torch.randn themselves, which point everywhere alike. Throws kInvalidArgument.
  IdentitySource(uint64_t seed, std::vector<double> mean, std::vector<double> components);

  // The next ones, [count, kEmbeddingSize]. Throws kCancelled, after which the source is of no more use, and
  // kInvalidArgument if one has no direction.
  std::vector<float> Draw(size_t count, Interrupt& interrupt);

 private:
  NoiseGenerator noise_;
  std::vector<double> mean_;
  std::vector<double> components_;
};

}  // namespace arc2face
