// Grids for kernels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arc2face {

inline constexpr unsigned kBlockThreads = 256;

// Blocks of kBlockThreads threads for `threads` in all.
constexpr unsigned Blocks(size_t threads) {
  return static_cast<unsigned>((threads + kBlockThreads - 1) / kBlockThreads);
}

// Whether a thread may load and store `bytes` at once at `pointer`.
inline bool IsAligned(const void* pointer, size_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

}  // namespace arc2face
