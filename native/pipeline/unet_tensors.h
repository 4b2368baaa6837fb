// What a UNet takes and gives besides latents, timesteps and text: which of it there is, and of what size.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../provider/provider.h"
#include "batch_sizes.h"

namespace arc2face {

// How often the sides of the latents are halved, each time rounded up, for an input or output of the UNet.
using Levels = std::map<std::string, int>;

// An input or output that has the positions of some level: those of an image [rows, channels, height, width], or merged
// as tokens [rows, height * width, channels].
struct LevelTensor {
  std::string name;
  DataType type;
  int64_t channels;
  int level;
  bool tokens;

  std::vector<int64_t> Shape(const LatentSize& size, size_t rows) const;
  size_t RowElements(const LatentSize& size) const;
};

struct UNetTensors {
  std::vector<LevelTensor> residuals;  // of a ControlNet
  bool expression = false;
  std::vector<LevelTensor> banks;    // of a reference
  std::vector<LevelTensor> written;  // which can be those banks, in their order
};

// Throws kInvalidBundle unless what there is has the interface of models/unet.ts.
UNetTensors FindTensors(const Network& unet, const Levels& levels);

}  // namespace arc2face
