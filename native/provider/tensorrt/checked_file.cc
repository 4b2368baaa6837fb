// Files that are only used if whole.
#include "checked_file.h"

#include <cstring>
#include <exception>
#include <filesystem>
#include <random>
#include <system_error>

#include "../../weights/memory_map.h"

namespace arc2face::tensorrt {
namespace {

std::filesystem::path PathOf(const std::string& path) { return std::u8string(path.begin(), path.end()); }

// <name>.<any>.part beside <name>.compiled
std::string PartOf(const std::string& path) {
  std::random_device random;
  const std::string part = std::to_string(random()) + "-" + std::to_string(random()) + ".part";
  const std::u8string name = PathOf(path).replace_extension(PathOf(part)).u8string();
  return std::string(name.begin(), name.end());
}

}  // namespace

std::optional<std::vector<std::byte>> ReadChecked(const std::string& path) {
  std::vector<std::byte> bytes;
  try {
    const auto map = MemoryMap::Open(path);
    bytes.assign(map->data(), map->data() + map->size());
  } catch (const std::exception&) {
    return std::nullopt;  // missing, unreadable or no memory for it
  }
  uint64_t expected;
  if (bytes.size() < sizeof expected) return std::nullopt;
  std::memcpy(&expected, bytes.data() + bytes.size() - sizeof expected, sizeof expected);
  bytes.resize(bytes.size() - sizeof expected);
  Checksum checksum;
  checksum.Add(bytes);
  if (checksum.value() != expected) return std::nullopt;
  return bytes;
}

bool CheckedFile::Write(const void* data, uint64_t bytes) noexcept {
  try {
    if (!part_) part_.emplace(part_path_ = PartOf(path_));
    const std::span part(static_cast<const std::byte*>(data), static_cast<size_t>(bytes));
    checksum_.Add(part);
    part_->Write(part);
  } catch (const std::exception&) {
    failed_ = true;
  }
  return !failed_;
}

void CheckedFile::Finish() noexcept {
  if (!part_ || failed_) return;
  try {
    const uint64_t sum = checksum_.value();
    part_->Write(std::as_bytes(std::span(&sum, 1)));
    part_->Finish();
    std::error_code failed, ignored;
    std::filesystem::rename(PathOf(part_path_), PathOf(path_), failed);
    if (failed) std::filesystem::remove(PathOf(part_path_), ignored);
  } catch (const std::exception&) {
    // A full disk, or no memory for a path: the part is removed.
  }
}

}  // namespace arc2face::tensorrt
