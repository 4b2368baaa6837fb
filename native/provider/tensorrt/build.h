// Builds an engine file from graph, weights and shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "../provider.h"
#include "engine_library.h"

namespace arc2face::tensorrt {

struct BuildOptions {
  // The GPUs that the engine is for: 89 stands for compute capability 8.9. Empty: the current GPU.
  std::vector<int32_t> capabilities = {};
  bool inspectable = false;  // for the list of layers
  // A file of what earlier builds have timed on this GPU, which is read, and replaced after the build by one that has
  // also what this and other builds have timed meanwhile; its failures only make builds slower. Empty: none.
  std::string timings = {};
};

// Called from threads of the builder, one at a time: `step` of `steps` of a phase is done; 0 when it begins.
using BuildProgress = std::function<void(const std::string& phase, int step, int steps)>;
// Receives the engine file, in order.
using WriteBytes = std::function<void(std::span<const std::byte>)>;

// Takes seconds to minutes. `source.profiles` has the shapes. Throws kInvalidWeights for a graph, naming the
// node, or a weight that is refused, kInvalidArgument for a profile that does not fit, kCancelled, kOutOfMemory,
// kEngineFailed, and what the callbacks throw.
void BuildEngine(const EngineLibrary& library, const NetworkSource& source, const BuildOptions& options,
                 const BuildProgress& progress, const WriteBytes& write, Interrupt& interrupt);

}  // namespace arc2face::tensorrt
