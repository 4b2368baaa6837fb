// The noise of one request's images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "noise.h"

namespace arc2face {

// The images that one generator draws for, of which a request may be about some.
struct NoiseBatch {
  size_t images;
  std::vector<uint32_t> places;  // of the request's images among them
};

// One generator per image, each drawing that image's latents; or one for all, drawing a whole batch at once, as
// diffusers does with a single generator. Then the images' draws must stay in step: none may request
// draw k + 1 before all have requested draw k.
class NoiseSource {
 public:
  // `seeds`: one per image, or one for all. `elements`: numbers in one image's latents. `batch`: what the one generator
  // draws for, if not just for these images.
  NoiseSource(const std::vector<uint64_t>& seeds, size_t images, size_t elements,
              const std::optional<NoiseBatch>& batch = {});

  // The next draw of `image`: `elements` numbers, valid until the next call.
  const float* Next(size_t image);

  // A draw that is no image's own: [count, elements] from the only generator, or a row of it from each of the first
  // `count`. Between draws of all images.
  std::vector<float> DrawRows(size_t count);

  // Whether one generator draws for all images.
  bool shared() const noexcept { return !places_.empty() || taken_.size() == 1; }

 private:
  std::vector<NoiseGenerator> generators_;
  std::vector<size_t> taken_;     // draws that each image has had
  std::vector<uint32_t> places_;  // empty: each image has a generator
  size_t elements_;
  size_t drawn_ = 0;  // draws of a shared generator
  std::vector<float> values_;
};

}  // namespace arc2face
