// Opening a shared library on POSIX systems.
#ifndef _WIN32
#include <dlfcn.h>

#include "../error.h"
#include "dynamic_library.h"

#ifdef __linux__
#include <elf.h>

#include <cstring>
#include <fstream>
#include <vector>
#endif

namespace arc2face {
namespace {

// Says what is wrong with the file, if anything. dlopen reports most faults itself; but glibc reads from segments that
// it has mapped beyond the end of a truncated file, which kills the process with SIGBUS.
std::string Fault(const std::string& path) {
#ifdef __linux__
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "it can't be opened";
  const auto size = static_cast<uint64_t>(file.tellg());
  file.seekg(0);
  Elf64_Ehdr header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(Elf64_Phdr)) {
    return "it is no shared library";
  }
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  if (!file.read(reinterpret_cast<char*>(segments.data()),
                 static_cast<std::streamsize>(segments.size() * sizeof(Elf64_Phdr)))) {
    return "it is cut short";
  }
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_LOAD && (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)) {
      return "it is cut short";
    }
  }
#else
  static_cast<void>(path);
#endif
  return {};
}

}  // namespace

void* OpenLibrarySymbol(const std::string& path, const char* symbol) {
  if (const std::string fault = Fault(path); !fault.empty()) {
    throw Error(ErrorCode::kNoDevice, "Could not load " + path + ": " + fault + ".", {.file = path});
  }
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorCode::kNoDevice, "Could not load " + path + ": " + dlerror() + ".", {.file = path});
  }
  void* const address = dlsym(library, symbol);
  if (address == nullptr) {
    dlclose(library);
    throw Error(ErrorCode::kNoDevice, "Could not use " + path + ": it is a library without " + symbol + ".",
                {.file = path});
  }
  return address;
}

void KeepLibraryOpen(const void* address) noexcept {
  Dl_info here{};
  if (dladdr(address, &here) != 0) dlopen(here.dli_fname, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace arc2face
#endif
