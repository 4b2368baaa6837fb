// Reads and writes the stand-in's engine file.
#include "engine_file.h"

#include <cstring>
#include <utility>

#include "provider/tensorrt/library/status.h"

namespace arc2face::stand_in {
namespace {

constexpr uint64_t kMagic = 0x31'6e'69'2d'64'6e'61'74;

class Writer {
 public:
  template <typename T>
  void Put(const T& value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
  }
  void Put(const std::string& text) {
    Put(text.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), bytes, bytes + text.size());
  }
  void Put(const Arc2FaceShape& shape) {
    Put(shape.rank);
    for (int32_t i = 0; i < shape.rank; ++i) Put(shape.sizes[i]);
  }
  std::vector<std::byte> TakeWithChecksum() {
    Put(Checksum(bytes_));
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

// Reads bytes whose checksum is right, so nothing else needs checking.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> rest) : rest_(rest) {}
  template <typename T>
  T Get() {
    T value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(sizeof value);
    return value;
  }
  std::string GetText() {
    const auto size = Get<size_t>();
    const std::string text(reinterpret_cast<const char*>(rest_.data()), size);
    rest_ = rest_.subspan(size);
    return text;
  }
  Arc2FaceShape GetShape() {
    Arc2FaceShape shape{};
    shape.rank = Get<int32_t>();
    for (int32_t i = 0; i < shape.rank; ++i) shape.sizes[i] = Get<int64_t>();
    return shape;
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
uint64_t Checksum(std::span<const std::byte> bytes, uint64_t before) {
  for (const std::byte byte : bytes) before = (before ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return before;
}

std::vector<std::byte> Write(const EngineFile& file) {
  Writer writer;
  writer.Put(kMagic);
  writer.Put(file.tensors.size());
  writer.Put(file.profiles);
  writer.Put(file.bias);
  for (const EngineTensor& tensor : file.tensors) {
    writer.Put(tensor.name);
    writer.Put(tensor.is_input);
    writer.Put(tensor.type);
    writer.Put(tensor.shape);
    for (const Arc2FaceShape& shape : tensor.profiles) writer.Put(shape);
  }
  return writer.TakeWithChecksum();
}

EngineFile ReadEngineFile(std::span<const std::byte> bytes) {
  uint64_t magic = 0;
  uint64_t checksum = 0;
  const bool whole = bytes.size() >= sizeof magic + sizeof checksum;
  if (whole) {
    std::memcpy(&magic, bytes.data(), sizeof magic);
    std::memcpy(&checksum, bytes.data() + bytes.size() - sizeof checksum, sizeof checksum);
  }
  if (!whole || magic != kMagic || checksum != Checksum(bytes.first(bytes.size() - sizeof checksum))) {
    throw engines::Failure(ARC2FACE_INVALID_ENGINE, "The file is no engine of the stand-in, or damaged.");
  }
  Reader reader(bytes.subspan(sizeof magic));
  EngineFile file{.tensors = std::vector<EngineTensor>(reader.Get<size_t>()), .profiles = 0, .bias = 0};
  file.profiles = reader.Get<uint32_t>();
  file.bias = reader.Get<float>();
  for (EngineTensor& tensor : file.tensors) {
    tensor.name = reader.GetText();
    tensor.is_input = reader.Get<bool>();
    tensor.type = reader.Get<Arc2FaceType>();
    tensor.shape = reader.GetShape();
    for (uint32_t i = 0; i < file.profiles; ++i) tensor.profiles.push_back(reader.GetShape());
  }
  return file;
}

}  // namespace arc2face::stand_in
