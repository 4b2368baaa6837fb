// The UNet's further inputs and outputs.
#include "unet_tensors.h"

#include "../error.h"
#include "evaluate.h"
#include "networks.h"

namespace arc2face {

static constexpr const char* kName = networks::kUnet.name;

std::vector<int64_t> LevelTensor::Shape(const LatentSize& size, size_t rows) const {
  int64_t height = size.height, width = size.width;
  for (int i = 0; i < level; ++i) {
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  const auto n = static_cast<int64_t>(rows);
  if (tokens) return {n, height * width, channels};
  return {n, channels, height, width};
}

size_t LevelTensor::RowElements(const LatentSize& size) const {
  size_t elements = 1;
  for (const int64_t side : Shape(size, 1)) elements *= static_cast<size_t>(side);
  return elements;
}

static LevelTensor Describe(const TensorInfo& info, const Levels& levels, bool tokens) {
  const size_t rank = tokens ? 3 : 4;
  const auto level = levels.find(info.name);
  if (info.shape.size() != rank || level == levels.end() || level->second < 0) {
    throw Error(ErrorCode::kInvalidBundle,
                "Expected the UNet's tensor " + info.name + " to have " + std::to_string(rank) +
                    " axes and a known number of halvings.",
                {.network = kName, .tensor = info.name});
  }
  const int64_t channels = tokens ? info.shape[2] : info.shape[1];
  if (channels < 1) {
    throw Error(ErrorCode::kInvalidBundle,
                "Expected a fixed number of channels for the UNet's tensor " + info.name + ".",
                {.network = kName, .tensor = info.name});
  }
  return {info.name, FloatType(info, kName), channels, level->second, tokens};
}

UNetTensors FindTensors(const Network& unet, const Levels& levels) {
  static const std::string kBank = "bank_";
  UNetTensors found;
  for (const TensorInfo& input : unet.inputs()) {
    if (input.name == "expression") found.expression = true;
    if (input.name == "mid" || input.name.starts_with("down_")) {
      found.residuals.push_back(Describe(input, levels, false));
    }
    if (!input.name.starts_with(kBank)) continue;
    found.banks.push_back(Describe(input, levels, true));
    const std::string written = "written_" + input.name.substr(kBank.size());
    found.written.push_back(Describe(OutputInfo(unet, kName, written.c_str()), levels, true));
    if (found.written.back().type != found.banks.back().type ||
        found.written.back().channels != found.banks.back().channels) {
      throw Error(ErrorCode::kInvalidBundle, "Expected the UNet to read " + input.name + " as it writes it.",
                  {.network = kName, .tensor = input.name});
    }
  }
  return found;
}

}  // namespace arc2face
