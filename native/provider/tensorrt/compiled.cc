// The file of what a runtime compiled for this GPU.
#include "compiled.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <system_error>

#include "../../error.h"
#include "../../weights/memory_map.h"
#include "new_file.h"

namespace arc2face::tensorrt {
namespace {

// <name>.<any>.part beside <name>.compiled
std::string PartOf(const std::string& path) {
  std::random_device random;
  const std::string part = std::to_string(random()) + "-" + std::to_string(random()) + ".part";
  const std::u8string name = std::filesystem::path(std::u8string(path.begin(), path.end()))
                                 .replace_extension(std::u8string(part.begin(), part.end()))
                                 .u8string();
  return std::string(name.begin(), name.end());
}

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv). The file holds code, and it is not known how well the runtime
// checks it: so a byte that flipped on disk is found here.
class Checksum {
 public:
  void Add(std::span<const std::byte> bytes) noexcept {
    for (const std::byte byte : bytes) hash_ = (hash_ ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  }
  std::array<std::byte, 8> bytes() const noexcept { return std::bit_cast<std::array<std::byte, 8>>(hash_); }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

// The file: the runtime's data, then its checksum. Made once there is something to write.
struct Part {
  std::string path;
  std::optional<NewFile> file;
  Checksum checksum;

  static int32_t Write(void* user, const void* data, uint64_t bytes) noexcept {
    try {
      auto& self = *static_cast<Part*>(user);
      if (!self.file) self.file.emplace(self.path);
      const std::span part(static_cast<const std::byte*>(data), static_cast<size_t>(bytes));
      self.checksum.Add(part);
      self.file->Write(part);
      return 0;
    } catch (const std::exception&) {
      return 1;
    }
  }
};

}  // namespace

bool LoadCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path) {
  std::shared_ptr<const MemoryMap> map;
  try {
    map = MemoryMap::Open(path);
  } catch (const Error&) {
    return false;
  }
  Checksum checksum;
  if (map->size() < checksum.bytes().size()) return false;
  const std::span bytes(map->data(), map->size() - checksum.bytes().size());
  checksum.Add(bytes);
  if (!std::ranges::equal(std::span(bytes.end(), checksum.bytes().size()), checksum.bytes())) return false;
  Arc2FaceMessage message{};
  return api.LoadCompiled(engine, bytes.data(), bytes.size(), &message) == ARC2FACE_OK && !map->damaged();
}

void SaveCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path) noexcept {
  try {
    Part part{.path = PartOf(path), .file = {}, .checksum = {}};
    Arc2FaceMessage message{};
    if (api.SaveCompiled(engine, Part::Write, &part, &message) != ARC2FACE_OK || !part.file) return;
    part.file->Write(part.checksum.bytes());
    part.file->Finish();
    const std::filesystem::path from(std::u8string(part.path.begin(), part.path.end()));
    const std::filesystem::path to(std::u8string(path.begin(), path.end()));
    std::error_code failed, ignored;
    std::filesystem::rename(from, to, failed);
    if (failed) std::filesystem::remove(from, ignored);
  } catch (const std::exception&) {
    // A full disk, or no memory for a path: the part is removed, and the next process compiles again.
  }
}

}  // namespace arc2face::tensorrt
