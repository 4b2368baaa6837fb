// An engine as a network.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "../provider.h"
#include "arena.h"
#include "engine_library.h"

namespace arc2face::tensorrt {

// Opens the engine file `engine`, whose bytes are not needed afterwards, and makes a context for each of its profiles,
// with memory to run on `stream`, each of which runs once; the stream is idle again when this returns. `compiled`: see
// EngineFile. `name` is for messages. Throws InvalidEngine when the file is refused, kOutOfMemory,
// kCancelled.
//
// The network runs only the shapes of its profiles. Its first run on another stream allocates memory, so that stream
// must not be capturing.
std::unique_ptr<Network> OpenNetwork(const EngineLibrary& library, const std::string& name,
                                     std::span<const std::byte> engine, const std::string& compiled, Stream& stream,
                                     std::shared_ptr<Arena> arena, Interrupt& interrupt);

}  // namespace arc2face::tensorrt
