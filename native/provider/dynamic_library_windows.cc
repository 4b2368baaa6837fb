// Opening a shared library on Windows.
#ifdef _WIN32
#include <windows.h>

#include <filesystem>
#include <system_error>

#include "../error.h"
#include "dynamic_library.h"

namespace arc2face {

void* OpenLibrarySymbol(const std::string& path, const char* symbol) {
  const std::filesystem::path file(std::u8string(path.begin(), path.end()));
  // Searches the library's own folder for its dependencies, not the current one.
  const HMODULE library =
      LoadLibraryExW(file.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (library == nullptr) {
    const std::string reason = std::system_category().message(static_cast<int>(GetLastError()));
    throw Error(ErrorCode::kNoDevice, "Could not load " + path + ": " + reason + ".", {.file = path});
  }
  const FARPROC address = GetProcAddress(library, symbol);
  if (address == nullptr) {
    FreeLibrary(library);
    throw Error(ErrorCode::kNoDevice, "Could not use " + path + ": it is a library without " + symbol + ".",
                {.file = path});
  }
  return reinterpret_cast<void*>(address);
}

void KeepLibraryOpen(const void* address) noexcept {
  HMODULE library = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     static_cast<LPCWSTR>(address), &library);
}

}  // namespace arc2face
#endif
