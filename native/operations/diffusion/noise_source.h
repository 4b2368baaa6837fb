// The noise of one request's images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "noise.h"

namespace arc2face {

// One generator per image, each drawing that image's latents; or one for all, drawing the whole batch at once, as
// diffusers does with a single generator. Then the images' draws must stay in step: none may request
// draw k + 1 before all have requested draw k.
class NoiseSource {
 public:
  // `seeds`: one per image, or one for all. `elements`: numbers in one image's latents.
  NoiseSource(const std::vector<uint64_t>& seeds, size_t images, size_t elements);

  // The next draw of `image`: `elements` numbers, valid until the next call.
  const float* Next(size_t image);

  // A draw that is no image's own: [count, elements] from the only generator, or a row of it from each of the first
  // `count`. Between draws of all images.
  std::vector<float> DrawRows(size_t count);

  // Whether one generator draws for all images.
  bool shared() const noexcept { return generators_.size() != taken_.size() || taken_.size() == 1; }

 private:
  std::vector<NoiseGenerator> generators_;
  std::vector<size_t> taken_;  // draws that each image has had
  size_t elements_;
  size_t drawn_ = 0;  // draws of a shared generator
  std::vector<float> values_;
};

}  // namespace arc2face
