// Latents -> a small picture of them: colours that a linear map gives each latent pixel, as a preview.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace arc2face {

// Red, green and blue of each channel, then what is added to them: 3 * (channels + 1) numbers that give an image's -1
// to 1.
using LatentColours = std::vector<float>;

// `latents` [colours.size() / 3 - 1, pixels] -> RGB bytes [pixels, 3], quantised as images are.
void ColourLatents(const float* latents, size_t pixels, const LatentColours& colours, uint8_t* rgb);

}  // namespace arc2face
