// A network in an ONNX Runtime session.
#pragma once

#include "../provider.h"
#include "library.h"

namespace arc2face::ort {

// Builds a session of `threads` (0: one per core). See Provider::Load.
std::unique_ptr<Network> LoadNetwork(const Library& library, int threads, const NetworkSource& source,
                                     Interrupt& interrupt);

}  // namespace arc2face::ort
