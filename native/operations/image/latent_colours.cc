// Colours of latents.
#include "latent_colours.h"

#include <cmath>

#include "level.h"

namespace arc2face {

void ColourLatents(const float* latents, size_t pixels, const LatentColours& colours, uint8_t* rgb) {
  const size_t channels = colours.size() / 3 - 1;
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    for (size_t colour = 0; colour < 3; ++colour) {
      float level = colours[3 * channels + colour];
      for (size_t c = 0; c < channels; ++c) {
        level = std::fma(colours[3 * c + colour], latents[c * pixels + pixel], level);
      }
      rgb[3 * pixel + colour] = Level(level);
    }
  }
}

}  // namespace arc2face
