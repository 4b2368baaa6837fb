// Opening a shared library by its path.
#pragma once

#include <string>

namespace arc2face {

// Opens the library and returns the address of `symbol` in it; the library stays open until the process ends, because
// its threads and static destructors outlive whoever used it. Throws kNoDevice, naming the path: missing, no (whole)
// library, without `symbol`.
void* OpenLibrarySymbol(const std::string& path, const char* symbol);

// The library that `address` lies in stays open until the process ends, whoever closes it.
void KeepLibraryOpen(const void* address) noexcept;

}  // namespace arc2face
