// Read-only memory maps of checkpoint files.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace arc2face {

struct GuardedRange;  // bus_error_guard.h

// A whole file, mapped read-only. Truncating a mapped file would kill the process with SIGBUS on the
// next access; here such pages read as zero and `damaged()` turns true, for the map's user to check after reading.
class MemoryMap {
 public:
  // Throws kInvalidWeights, naming the file, when it can't be opened or mapped.
  static std::shared_ptr<const MemoryMap> Open(const std::string& path);
  ~MemoryMap();
  MemoryMap(const MemoryMap&) = delete;
  MemoryMap& operator=(const MemoryMap&) = delete;

  const std::string& path() const noexcept { return path_; }
  const std::byte* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  bool damaged() const noexcept;

 private:
  explicit MemoryMap(std::string path) : path_(std::move(path)) {}
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  GuardedRange* guard_ = nullptr;  // POSIX only, as is file_
  int file_ = -1;
};

}  // namespace arc2face
