// Page-locked host memory, which a GPU writes without a detour. Locking takes longer than copying an image, so what is
// freed is kept for the next request of its size.
#pragma once

#include <cstddef>

#include "../device.h"

namespace arc2face {

// For every GPU; any thread. Throws kOutOfMemory, naming the size.
HostBytes AllocatePinned(size_t bytes);

// Unlocks and frees what was kept.
void TrimPinned() noexcept;

}  // namespace arc2face
