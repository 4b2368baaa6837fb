// The provider for NVIDIA GPUs.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../../device/cuda.h"
#include "build.h"
#include "network.h"
#include "tensorrt.h"

namespace arc2face {
namespace {

class TensorRtProvider final : public Provider {
 public:
  TensorRtProvider(const tensorrt::EngineLibrary& library, Device& device, MemoryNotice notice)
      : library_(library),
        device_(device),
        notice_(std::move(notice)),
        name_(library.api().product),
        arena_(std::make_shared<tensorrt::Arena>(device, notice_)) {
    std::transform(name_.begin(), name_.end(), name_.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  }

  const char* name() const noexcept override { return name_.c_str(); }  // "tensorrt-rtx"
  std::string version() const override { return library_.version(); }

  // As many as the engine was built for.
  size_t PreferredRows(int64_t, int64_t) const noexcept override { return SIZE_MAX; }

  // The file of an engine is about as large as what it takes on the GPU: nearly all of both are weights.
  void CheckFits(std::span<const NetworkSource> sources) override {
    const std::shared_lock no_captures(device_.captures());
    const std::optional<size_t> free = device_.FreeBytes();
    if (!free) return;
    size_t bytes = 0;
    for (const NetworkSource& source : sources) bytes += source.engine ? FileBytes(source.engine->path) : 0;
    if (notice_) notice_("", bytes, *free);
    if (bytes <= *free) {
      arena_->ExpectEngines(bytes);
      return;
    }
    throw Error(ErrorCode::kOutOfMemory,
                "The model's engines need " + std::to_string(bytes) + " bytes of memory for their weights alone, but " +
                    device_.name() + " has " + std::to_string(*free) + " free.",
                {.device = device_.name(), .bytes = bytes, .free_bytes = free});
  }

  std::unique_ptr<Network> Load(const NetworkSource& source, Stream& stream, Interrupt& interrupt) override {
    device_.MakeCurrent();
    if (source.engine) return OpenFile(source.name, *source.engine, stream, interrupt);
    std::vector<std::byte> engine;
    {
      const std::shared_lock no_captures(device_.captures());
      tensorrt::BuildEngine(
          library_, source, {}, nullptr,
          [&](std::span<const std::byte> part) { engine.insert(engine.end(), part.begin(), part.end()); }, interrupt);
    }
    return tensorrt::OpenNetwork(library_, source.name, engine, "", stream, arena_, interrupt);
  }

 private:
  // 0 for what can't be read: Load says why.
  static size_t FileBytes(const std::string& path) {
    std::error_code failed;
    const auto bytes = std::filesystem::file_size(std::u8string(path.begin(), path.end()), failed);
    return failed ? 0 : static_cast<size_t>(bytes);
  }

  std::unique_ptr<Network> OpenFile(const std::string& name, const EngineFile& file, Stream& stream,
                                    Interrupt& interrupt) {
    const auto map = [&] {
      try {
        return MemoryMap::Open(file.path);
      } catch (const Error& error) {
        throw InvalidEngine(name, error.what());
      }
    }();
    // Cut-off parts were read as zeros, whether or not the runtime noticed.
    const auto check = [&] {
      if (!map->damaged()) return;
      throw InvalidEngine(name, "Expected the file " + file.path + " of the network " + name +
                                    " to keep its size while it is opened, but it became shorter.");
    };
    arena_->OpensEngine(map->size());
    try {
      auto network =
          tensorrt::OpenNetwork(library_, name, {map->data(), map->size()}, file.compiled, stream, arena_, interrupt);
      check();
      return network;
    } catch (const InvalidEngine&) {
      check();
      stream.Synchronize();  // throws if the GPU is at fault, not the file
      throw;
    } catch (const Error&) {
      check();
      throw;
    }
  }

  const tensorrt::EngineLibrary library_;
  Device& device_;
  const MemoryNotice notice_;
  std::string name_;
  const std::shared_ptr<tensorrt::Arena> arena_;
};

}  // namespace

Device& EngineDevice(const tensorrt::EngineLibrary& library, int gpu) {
  return library.api().host_memory != 0 ? HostDevice() : CudaDevice(gpu);
}

std::unique_ptr<Provider> OpenTensorRt(const tensorrt::EngineLibrary& library, Device& device, MemoryNotice notice) {
  return std::make_unique<TensorRtProvider>(library, device, std::move(notice));
}

}  // namespace arc2face
