// Several elements that move together: a GPU thread loads and stores 16 bytes at once where it can.
#pragma once

#include <cstddef>

#include "host_device.h"

namespace arc2face {

template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T values[kWidth];
};

// `from` and `to` are aligned to kWidth elements.
template <int kWidth, typename T>
ARC2FACE_HD inline Pack<T, kWidth> LoadPack(const T* from) {
  return *reinterpret_cast<const Pack<T, kWidth>*>(from);
}
template <int kWidth, typename T>
ARC2FACE_HD inline void StorePack(T* to, const Pack<T, kWidth>& pack) {
  *reinterpret_cast<Pack<T, kWidth>*>(to) = pack;
}

// Elements of type T in 16 bytes.
template <typename T>
inline constexpr int kPackWidth = static_cast<int>(16 / sizeof(T));

}  // namespace arc2face
