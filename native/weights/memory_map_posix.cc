// Memory maps on POSIX systems.
#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "../error.h"
#include "bus_error_guard.h"
#include "memory_map.h"

namespace arc2face {
namespace {

[[noreturn]] void Fail(const std::string& path, const std::string& reason) {
  throw Error(ErrorCode::kInvalidWeights, "Could not map the file " + path + ": " + reason + ".", {.file = path});
}

std::string Reason(int error) { return std::generic_category().message(error); }

}  // namespace

std::shared_ptr<const MemoryMap> MemoryMap::Open(const std::string& path) {
  const std::shared_ptr<MemoryMap> map(new MemoryMap(path));
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  map->file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (map->file_ < 0) Fail(path, Reason(errno));
  struct stat status{};
  if (fstat(map->file_, &status) != 0) Fail(path, Reason(errno));
  if (!S_ISREG(status.st_mode)) Fail(path, "it is not a regular file");
  if (status.st_size == 0) return map;  // empty maps do not exist

  const auto size = static_cast<size_t>(status.st_size);
  void* const data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, map->file_, 0);
  if (data == MAP_FAILED) Fail(path, Reason(errno));
  map->data_ = static_cast<const std::byte*>(data);
  map->size_ = size;
  map->guard_ = Guard(data, size);
  return map;
}

MemoryMap::~MemoryMap() {
  if (guard_ != nullptr) Unguard(guard_);
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
  if (file_ >= 0) close(file_);
}

bool MemoryMap::damaged() const noexcept {
  if (guard_ != nullptr && Damaged(guard_)) return true;
  // Missing parts of the last page read as zero without a signal, so the file's size is checked too.
  struct stat status{};
  return fstat(file_, &status) != 0 || static_cast<size_t>(status.st_size) < size_;
}

}  // namespace arc2face
#endif
