// Standard normal noise that follows torch.randn of a CPU torch.Generator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace arc2face {

// One torch.Generator("cpu").manual_seed(seed): MT19937 on the low 32 bits of the seed. Values are within 4e-6 of
// PyTorch's (its vectorised log and cosine are not correctly rounded) and the same bits on every machine.
class NoiseGenerator {
 public:
  explicit NoiseGenerator(uint64_t seed);

  // The next torch.randn(count) of this generator.
  void Draw(float* values, size_t count);

 private:
  uint32_t Next();
  void Refill();

  std::array<uint32_t, 624> state_;
  size_t next_ = 624;
  std::optional<double> cached_;  // second value of a small draw's pair; outlives large draws in between, as in PyTorch
};

}  // namespace arc2face
