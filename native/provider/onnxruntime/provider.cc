// The provider for the host: ONNX Runtime.
#include "../provider.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "network.h"
#include "self_test.h"

namespace arc2face {
namespace {

class OnnxRuntimeProvider final : public Provider {
 public:
  OnnxRuntimeProvider(const ort::Library& library, int threads) : library_(library), threads_(threads) {}

  const char* name() const noexcept override { return "onnxruntime"; }
  std::string version() const override { return library_.version(); }

  // A bigger batch does not make a busy processor faster, but takes memory in proportion. Four rows of Stable
  // Diffusion 1.5's 64 x 64 latents are two images with guidance.
  size_t PreferredRows(int64_t height, int64_t width) const noexcept override {
    constexpr int64_t kElements = 4 * 64 * 64;
    return static_cast<size_t>(std::max<int64_t>(2, kElements / std::max<int64_t>(1, height * width)));
  }

  std::unique_ptr<Network> Load(const NetworkSource& source, Stream&, Interrupt& interrupt) override {
    return ort::LoadNetwork(library_, threads_, source, interrupt);
  }

 private:
  const ort::Library& library_;
  const int threads_;
};

// Every library is opened and tested once; a failed one is tried again, because its file may have been replaced.
const ort::Library& TestedLibrary(const std::string& path) {
  static std::mutex mutex;
  // Never freed: other threads may still use a library while the process ends.
  static auto& libraries = *new std::map<std::string, std::unique_ptr<const ort::Library>>;

  const std::lock_guard lock(mutex);
  std::unique_ptr<const ort::Library>& library = libraries[path];
  if (library == nullptr) {
    auto opened = std::make_unique<const ort::Library>(path);
    ort::SelfTest(*opened);
    library = std::move(opened);
  }
  return *library;
}

}  // namespace

std::unique_ptr<Provider> OpenOnnxRuntime(const std::string& path, int threads) {
  return std::make_unique<OnnxRuntimeProvider>(TestedLibrary(path), threads);
}

}  // namespace arc2face
