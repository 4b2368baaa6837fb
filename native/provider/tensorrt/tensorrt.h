// The provider for NVIDIA GPUs: networks as engines of TensorRT or TensorRT-RTX, or of the stand-in for tests.
#pragma once

#include <memory>

#include "../provider.h"
#include "engine_library.h"

namespace arc2face {

// Networks run on `device`, a CUDA device or, with the stand-in for the host, the host; it must outlive the provider
// and its networks. A network's engine is opened, when its source has one, or else built for the current GPU.
std::unique_ptr<Provider> OpenTensorRt(const tensorrt::EngineLibrary& library, Device& device);

}  // namespace arc2face
