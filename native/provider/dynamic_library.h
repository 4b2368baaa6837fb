// Opening a shared library by its path.
#pragma once

#include <string>

namespace arc2face {

// Opens the library and returns the address of `symbol`; the library stays open until the process ends, because
// its threads and static destructors outlive its users. Throws kNoDevice, naming the path: missing, not a (complete)
// library, without `symbol`.
void* OpenLibrarySymbol(const std::string& path, const char* symbol);

// Keeps the library that contains `address` open until the process ends, whoever closes it.
void KeepLibraryOpen(const void* address) noexcept;

}  // namespace arc2face
