// Files that save time and can be made again: used only if whole, and replaced without ever being half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "new_file.h"

namespace arc2face::tensorrt {

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv). The files hold code, and it is not known how well the runtime
// checks it: so a byte that flipped on disk is found here.
class Checksum {
 public:
  void Add(std::span<const std::byte> bytes) noexcept {
    for (const std::byte byte : bytes) hash_ = (hash_ ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  }
  uint64_t value() const noexcept { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

// What a CheckedFile has written: a copy, because Windows replaces and deletes no file that is mapped. Empty when the
// file is missing, unreadable or damaged.
std::optional<std::vector<std::byte>> ReadChecked(const std::string& path);

// A file that is being written: the data, then its checksum.
class CheckedFile {
 public:
  explicit CheckedFile(std::string path) : path_(std::move(path)) {}

  // False when it fails; then nothing will be there.
  bool Write(const void* data, uint64_t bytes) noexcept;
  // Writes or replaces the file, unless nothing was written or a write has failed.
  void Finish() noexcept;

 private:
  const std::string path_;
  std::string part_path_;        // <name>.<any>.part beside <name>.<any>
  std::optional<NewFile> part_;  // made once there is something to write
  Checksum checksum_;
  bool failed_ = false;
};

}  // namespace arc2face::tensorrt
