// Keeps the process alive when a mapped file is cut short: what the signal handler needs to know about our maps.
#pragma once

#include <cstddef>

namespace arc2face {

// One guarded range of memory. Stays at its address as long as the process lives; a later map reuses it.
struct GuardedRange;

// Guards `size` (not 0) bytes from `begin`, which must be a map of a file: an access beyond the end of the file then
// reads zeros, and Damaged() turns true. The first call installs a handler for SIGBUS that passes on what is not ours.
// Any thread.
GuardedRange* Guard(const void* begin, size_t size);
void Unguard(GuardedRange* range) noexcept;
bool Damaged(const GuardedRange* range) noexcept;

}  // namespace arc2face
