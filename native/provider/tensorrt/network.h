// A network that is an engine.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "../provider.h"
#include "arena.h"
#include "engine_library.h"

namespace arc2face::tensorrt {

// Opens the engine file `engine`, whose bytes are not needed afterwards, and makes a context for each of its profiles.
// `stream`, for what contexts need to begin with, is idle again when this returns. `name` is for messages. Throws
// kEngineFailed when the file is refused, kOutOfMemory, kCancelled.
//
// The network runs the shapes of its profiles and no others. A shape's first run on a stream, or on another one than
// before, takes memory, so it must not be captured.
std::unique_ptr<Network> OpenNetwork(const EngineLibrary& library, const std::string& name,
                                     std::span<const std::byte> engine, Stream& stream, std::shared_ptr<Arena> arena,
                                     Interrupt& interrupt);

}  // namespace arc2face::tensorrt
