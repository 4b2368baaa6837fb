// Memory maps on Windows.
#ifdef _WIN32
#include <windows.h>

#include <filesystem>
#include <system_error>

#include "../error.h"
#include "memory_map.h"

namespace arc2face {
namespace {

[[noreturn]] void Fail(const std::string& path) {
  const std::string reason = std::system_category().message(static_cast<int>(GetLastError()));
  throw Error(ErrorCode::kInvalidWeights, "Could not map the file " + path + ": " + reason + ".", {.file = path});
}

// Closes a handle at the end of its scope; the map itself keeps the file open.
class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  ~Handle() {
    if (valid()) CloseHandle(handle_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  bool valid() const { return handle_ != nullptr && handle_ != INVALID_HANDLE_VALUE; }
  HANDLE get() const { return handle_; }

 private:
  HANDLE handle_;
};

}  // namespace

std::shared_ptr<const MemoryMap> MemoryMap::Open(const std::string& path) {
  const std::filesystem::path name(std::u8string(path.begin(), path.end()));
  const Handle file(CreateFileW(name.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, nullptr));
  LARGE_INTEGER size{};
  if (!file.valid() || !GetFileSizeEx(file.get(), &size)) Fail(path);
  const std::shared_ptr<MemoryMap> map(new MemoryMap(path));
  if (size.QuadPart == 0) return map;  // empty maps do not exist

  const Handle mapping(CreateFileMappingW(file.get(), nullptr, PAGE_READONLY, 0, 0, nullptr));
  if (!mapping.valid()) Fail(path);
  map->data_ = static_cast<const std::byte*>(MapViewOfFile(mapping.get(), FILE_MAP_READ, 0, 0, 0));
  if (map->data_ == nullptr) Fail(path);
  map->size_ = static_cast<size_t>(size.QuadPart);
  return map;
}

MemoryMap::~MemoryMap() {
  if (data_ != nullptr) UnmapViewOfFile(data_);
}

// Windows refuses to truncate mapped files.
bool MemoryMap::damaged() const noexcept { return false; }

}  // namespace arc2face
#endif
