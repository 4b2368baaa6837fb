// The provider for NVIDIA GPUs: networks as engines of TensorRT or TensorRT-RTX, or of the stand-in for tests.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "../provider.h"
#include "engine_library.h"

namespace arc2face {

// Where the library's engines run: the GPU `gpu`, or the host for the host's stand-in. Throws kNoDevice.
Device& EngineDevice(const tensorrt::EngineLibrary& library, int gpu);

// Told before a load takes `bytes` of a GPU's memory, where `free_bytes` are known: first for the engine files of all
// networks, with an empty `network`, then for what each network computes in.
using MemoryNotice = std::function<void(const std::string& network, size_t bytes, size_t free_bytes)>;

// Networks run on `device`, see EngineDevice; it must outlive the provider and its networks. A network's engine is
// opened if its source has one, else built for the device.
std::unique_ptr<Provider> OpenTensorRt(const tensorrt::EngineLibrary& library, Device& device,
                                       MemoryNotice notice = nullptr);

}  // namespace arc2face
