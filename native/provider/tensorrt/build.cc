// Builds an engine file through a provider library.
#include "build.h"

#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../weight_memory.h"
#include "checked_file.h"
#include "shapes.h"

namespace arc2face::tensorrt {
namespace {

// The caller's functions, behind the plain ones of the ABI. Their exceptions wait until the builder has returned.
class Callbacks {
 public:
  Callbacks(const BuildProgress& progress, const WriteBytes& write, const std::string& timings,
            const Interrupt& interrupt)
      : progress_(progress), write_(write), timings_path_(timings), interrupt_(interrupt) {}

  static int32_t Progress(void* user, const char* phase, int32_t step, int32_t steps) {
    auto& self = *static_cast<Callbacks*>(user);
    return self.Run([&] {
      if (self.progress_) self.progress_(phase, step, steps);
    });
  }
  static int32_t Write(void* user, const void* data, uint64_t bytes) {
    auto& self = *static_cast<Callbacks*>(user);
    return self.Run([&] { self.write_({static_cast<const std::byte*>(data), static_cast<size_t>(bytes)}); });
  }
  static void ReadTimings(void* user, const void** data, uint64_t* bytes) {
    auto& self = *static_cast<Callbacks*>(user);
    self.timed_ = ReadChecked(self.timings_path_);
    *data = self.timed_ ? self.timed_->data() : nullptr;
    *bytes = self.timed_ ? self.timed_->size() : 0;
  }
  static void WriteTimings(void* user, const void* data, uint64_t bytes) {
    CheckedFile file(static_cast<Callbacks*>(user)->timings_path_);
    if (file.Write(data, bytes)) file.Finish();
  }
  void Rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  template <typename Function>
  int32_t Run(const Function& function) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      if (!thrown_ && !interrupt_.requested()) function();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    return thrown_ || interrupt_.requested() ? 1 : 0;
  }

  const BuildProgress& progress_;
  const WriteBytes& write_;
  const std::string timings_path_;
  std::optional<std::vector<std::byte>> timed_;  // by earlier builds
  const Interrupt& interrupt_;
  std::mutex mutex_;
  std::exception_ptr thrown_;
};

void CheckInterrupt(const Interrupt& interrupt, const std::string& network) {
  if (!interrupt.requested()) return;
  throw Error(ErrorCode::kCancelled, "Building the network " + network + " was cancelled.");
}

// The weights in the ABI's form.
class Weights {
 public:
  Weights(const NetworkSource& source, const Interrupt& interrupt) {
    for (const Weight& weight : source.weights) {
      CheckInterrupt(interrupt, source.name);  // sums with deltas take seconds
      const auto [type, data, bytes] = memory_.Prepare(weight, source.name);
      weights_.push_back({.name = weight.name.c_str(), .data = data, .bytes = bytes});
    }
  }
  const Arc2FaceWeight* data() const noexcept { return weights_.data(); }
  uint64_t size() const noexcept { return weights_.size(); }

 private:
  WeightMemory memory_;
  std::vector<Arc2FaceWeight> weights_;
};

// The profiles in the ABI's form.
class Profiles {
 public:
  explicit Profiles(const NetworkSource& source) {
    for (const Profile& profile : source.profiles) {
      std::vector<Arc2FaceInputShape>& shapes = shapes_.emplace_back();
      for (const InputShape& one : profile) {
        shapes.push_back({.input = one.input.c_str(), .shape = ToAbi(one.shape, one.input)});
      }
    }
    for (const auto& shapes : shapes_) {
      profiles_.push_back({.shapes = shapes.data(), .shape_count = static_cast<uint32_t>(shapes.size())});
    }
  }
  const Arc2FaceProfile* data() const noexcept { return profiles_.data(); }
  uint32_t size() const noexcept { return static_cast<uint32_t>(profiles_.size()); }

 private:
  std::vector<std::vector<Arc2FaceInputShape>> shapes_;
  std::vector<Arc2FaceProfile> profiles_;
};

}  // namespace

void BuildEngine(const EngineLibrary& library, const NetworkSource& source, const BuildOptions& options,
                 const BuildProgress& progress, const WriteBytes& write, Interrupt& interrupt) {
  const Weights weights(source, interrupt);
  const Profiles profiles(source);
  Callbacks callbacks(progress, write, options.timings, interrupt);
  const Arc2FaceBuildRequest request{
      .network = source.name.c_str(),
      .graph = source.graph.data(),
      .graph_bytes = source.graph.size(),
      .weights = weights.data(),
      .weight_count = weights.size(),
      .profiles = profiles.data(),
      .profile_count = profiles.size(),
      .capabilities = options.capabilities.data(),
      .capability_count = static_cast<uint32_t>(options.capabilities.size()),
      .inspectable = options.inspectable ? 1 : 0,
      .progress = Callbacks::Progress,
      .write = Callbacks::Write,
      .read_timings = options.timings.empty() ? nullptr : Callbacks::ReadTimings,
      .write_timings = options.timings.empty() ? nullptr : Callbacks::WriteTimings,
      .user = &callbacks,
  };
  Arc2FaceMessage message{};
  const Arc2FaceStatus status = library.api().Build(library.get(), &request, &message);
  callbacks.Rethrow();
  CheckInterrupt(interrupt, source.name);
  for (const auto& map : source.maps) {
    if (!map->damaged()) continue;
    throw Error(ErrorCode::kInvalidWeights,
                "Expected the file " + map->path() + " of the network " + source.name +
                    " to keep its size while it is in use, but it became shorter.",
                {.file = map->path(), .network = source.name});
  }
  Check(status, message, std::string(library.api().product) + " could not build an engine", {.network = source.name});
}

}  // namespace arc2face::tensorrt
