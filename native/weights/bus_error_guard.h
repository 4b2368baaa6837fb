// Keeps the process alive when a mapped file is truncated.
#pragma once

#include <cstddef>

namespace arc2face {

// One guarded range of memory. Keeps its address as long as the process lives; later maps reuse it.
struct GuardedRange;

// Guards `size` (not 0) bytes from `begin`, which must be a map of a file: an access beyond the end of the file then
// reads zeros, and Damaged() turns true. The first call installs a handler for SIGBUS that passes on foreign faults.
// Any thread.
GuardedRange* Guard(const void* begin, size_t size);
void Unguard(GuardedRange* range) noexcept;
bool Damaged(const GuardedRange* range) noexcept;

}  // namespace arc2face
