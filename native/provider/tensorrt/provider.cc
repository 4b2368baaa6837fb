#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "build.h"
#include "network.h"
#include "tensorrt.h"

namespace arc2face {
namespace {

class TensorRtProvider final : public Provider {
 public:
  TensorRtProvider(const tensorrt::EngineLibrary& library, Device& device)
      : library_(library),
        name_(library.api().product),
        stream_(device.MakeStream()),
        arena_(std::make_shared<tensorrt::Arena>(device)) {
    std::transform(name_.begin(), name_.end(), name_.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  }

  const char* name() const noexcept override { return name_.c_str(); }  // "tensorrt-rtx"
  std::string version() const override { return library_.version(); }

  // The largest batch that engines are built for. A bigger one keeps a GPU no busier.
  size_t PreferredRows(int64_t, int64_t) const noexcept override { return 16; }

  std::unique_ptr<Network> Load(const NetworkSource& source, Interrupt& interrupt) override {
    if (!source.engine.empty()) return Open(source.name, source.engine, interrupt);
    std::vector<std::byte> engine;
    tensorrt::BuildEngine(
        library_, source, {}, nullptr,
        [&](std::span<const std::byte> part) { engine.insert(engine.end(), part.begin(), part.end()); }, interrupt);
    return Open(source.name, engine, interrupt);
  }

 private:
  std::unique_ptr<Network> Open(const std::string& name, std::span<const std::byte> engine, Interrupt& interrupt) {
    return tensorrt::OpenNetwork(library_, name, engine, *stream_, arena_, interrupt);
  }

  const tensorrt::EngineLibrary library_;
  std::string name_;
  const std::unique_ptr<Stream> stream_;  // for what contexts need to begin with
  const std::shared_ptr<tensorrt::Arena> arena_;
};

}  // namespace

std::unique_ptr<Provider> OpenTensorRt(const tensorrt::EngineLibrary& library, Device& device) {
  return std::make_unique<TensorRtProvider>(library, device);
}

}  // namespace arc2face
