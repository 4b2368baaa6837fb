// Builds an engine file with NVIDIA's builder.
#include "build.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "shapes.h"
#include "weights_inside.h"

namespace arc2face::engines {
namespace {

// Passes progress to the caller, and the caller's wish to stop to the builder.
class Monitor final : public nvinfer1::IProgressMonitor {
 public:
  explicit Monitor(const Arc2FaceBuildRequest& request) : request_(request) {}
  bool stopped() const noexcept { return stopped_.load(); }

  void phaseStart(char const* phase, char const*, int32_t steps) noexcept override {
    try {
      const std::lock_guard lock(mutex_);
      steps_[phase] = steps;
    } catch (const std::bad_alloc&) {
      stopped_ = true;  // the builder would need more memory than that
    }
    Report(phase, 0, steps);
  }
  bool stepComplete(char const* phase, int32_t step) noexcept override {
    int32_t steps = 0;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = steps_.find(phase); found != steps_.end()) steps = found->second;
    }
    Report(phase, step + 1, steps);
    return !stopped();
  }
  void phaseFinish(char const*) noexcept override {}

 private:
  void Report(const char* phase, int32_t step, int32_t steps) noexcept {
    if (request_.progress != nullptr && request_.progress(request_.user, phase, step, steps) != 0) stopped_ = true;
  }

  const Arc2FaceBuildRequest& request_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::map<std::string, int32_t, std::less<>> steps_;  // of the phases that have begun, by name
};

// Passes the engine file to the caller piece by piece, so that memory holds no second copy.
class Writer final : public nvinfer1::IStreamWriter {
 public:
  explicit Writer(const Arc2FaceBuildRequest& request) : request_(request) {}
  bool stopped() const noexcept { return stopped_; }

  int64_t write(void const* data, int64_t bytes) override {
    stopped_ = stopped_ || request_.write(request_.user, data, static_cast<uint64_t>(bytes)) != 0;
    return stopped_ ? -1 : bytes;
  }

 private:
  const Arc2FaceBuildRequest& request_;
  bool stopped_ = false;
};

std::string Words(const nvonnxparser::IParserError& error) {
  std::string text = error.desc();
  const std::string node = error.nodeName() == nullptr ? "" : error.nodeName();
  if (node.empty()) return text;
  return "the node " + node + " (" + error.nodeOperator() + ") is refused: " + text;
}

// Throws the parser's errors, of which the first is the cause, and names the node.
[[noreturn]] void Refuse(const nvonnxparser::IParser& parser, const ErrorRecorder& errors, Arc2FaceStatus status,
                         const std::string& what) {
  std::string text;
  for (int i = 0; i < parser.getNbErrors() && text.size() < 1500; ++i) {
    text += (i == 0 ? "" : "; ") + Words(*parser.getError(i));
  }
  errors.Throw(status, what, text);
}

// Where the parser takes no weights by pointer, it copies a model that has them inside.
void ParseWhole(nvonnxparser::IParser& parser, const Arc2FaceBuildRequest& request, const ErrorRecorder& errors) {
  const std::string model = WithWeightsInside(request);
  if (parser.parse(model.data(), model.size())) return;
  Refuse(parser, errors, ARC2FACE_FAILED, std::string("Could not parse the network ") + request.network);
}

// Weights are passed by pointer; the graph only declares them.
void ParseInParts(nvonnxparser::IParser& parser, const Arc2FaceBuildRequest& request, const ErrorRecorder& errors) {
  const std::string network = request.network;
  if (!parser.loadModelProto(request.graph, request.graph_bytes)) {
    Refuse(parser, errors, ARC2FACE_INVALID_NETWORK, "Could not read the graph of the network " + network);
  }
  for (uint64_t i = 0; i < request.weight_count; ++i) {
    const Arc2FaceWeight& weight = request.weights[i];
    if (parser.loadInitializer(weight.name, weight.data, weight.bytes)) continue;
    Refuse(parser, errors, ARC2FACE_INVALID_NETWORK,
           std::string("The weight ") + weight.name + " of the network " + network + " is refused");
  }
  if (!parser.parseModelProto()) {
    Refuse(parser, errors, ARC2FACE_FAILED, "Could not parse the network " + network);
  }
}

const Arc2FaceInputShape* Find(const Arc2FaceProfile& profile, const char* input) {
  const Arc2FaceInputShape* const end = profile.shapes + profile.shape_count;
  const auto* found =
      std::find_if(profile.shapes, end, [&](const auto& one) { return std::strcmp(one.input, input) == 0; });
  return found == end ? nullptr : found;
}

// A profile with a single shape per input: MIN = OPT = MAX lets the builder choose kernels that others can't
// use.
void AddProfile(nvinfer1::IBuilder& builder, const nvinfer1::INetworkDefinition& definition,
                nvinfer1::IBuilderConfig& config, const Arc2FaceProfile& request, const std::string& network,
                const ErrorRecorder& errors) {
  nvinfer1::IOptimizationProfile* const profile = builder.createOptimizationProfile();  // the builder's
  if (profile == nullptr) errors.Throw(ARC2FACE_FAILED, "Could not make a profile of the network " + network);
  for (int32_t i = 0; i < definition.getNbInputs(); ++i) {
    const nvinfer1::ITensor& input = *definition.getInput(i);
    const Arc2FaceShape declared = ToShape(input.getDimensions());
    const Arc2FaceInputShape* const found = Find(request, input.getName());
    const std::string label = std::string("the input ") + input.getName() + " of the network " + network;
    if (found == nullptr) {
      if (Fits(declared, declared)) continue;
      throw Failure(ARC2FACE_INVALID_ARGUMENT, "Expected a shape like " + Describe(declared) + " for " + label +
                                                   " in each profile, but one has none.");
    }
    if (!Fits(found->shape, declared)) {
      throw Failure(ARC2FACE_INVALID_ARGUMENT, "Expected a shape like " + Describe(declared) + " for " + label +
                                                   " but received " + Describe(found->shape) + ".");
    }
    const nvinfer1::Dims dims = ToDims(found->shape);
    for (const auto selector :
         {nvinfer1::OptProfileSelector::kMIN, nvinfer1::OptProfileSelector::kOPT, nvinfer1::OptProfileSelector::kMAX}) {
      if (profile->setDimensions(input.getName(), selector, dims)) continue;
      errors.Throw(ARC2FACE_INVALID_ARGUMENT, "The shape " + Describe(found->shape) + " is refused for " + label);
    }
  }
  if (config.addOptimizationProfile(profile) < 0) {
    errors.Throw(ARC2FACE_INVALID_ARGUMENT, "A profile of the network " + network + " is refused");
  }
}

void SetCapabilities([[maybe_unused]] nvinfer1::IBuilderConfig& config, const Arc2FaceBuildRequest& request,
                     [[maybe_unused]] const ErrorRecorder& errors) {
#ifdef TRT_MAJOR_RTX
  const auto count = static_cast<int32_t>(request.capability_count);
  if (!config.setNbComputeCapabilities(std::max(count, 1))) {
    errors.Throw(ARC2FACE_INVALID_ARGUMENT,
                 "TensorRT-RTX takes no list of " + std::to_string(count) + " compute capabilities");
  }
  if (count == 0 && !config.setComputeCapability(nvinfer1::ComputeCapability::kCURRENT, 0)) {
    errors.Throw(ARC2FACE_INVALID_ARGUMENT, "TensorRT-RTX has no engines for the GPU that is here");
  }
  for (int32_t i = 0; i < count; ++i) {
    const int32_t capability = request.capabilities[i];
    if (config.setComputeCapability(static_cast<nvinfer1::ComputeCapability>(capability), i)) continue;
    errors.Throw(ARC2FACE_INVALID_ARGUMENT, "TensorRT-RTX has no engines for GPUs of compute capability " +
                                                std::to_string(capability / 10) + "." +
                                                std::to_string(capability % 10));
  }
#else
  if (request.capability_count == 0) return;
  throw Failure(ARC2FACE_INVALID_ARGUMENT, "TensorRT builds for the GPU that it builds on, not for others.");
#endif
}

void Configure(nvinfer1::IBuilderConfig& config, const Arc2FaceBuildRequest& request, const ErrorRecorder& errors) {
  SetCapabilities(config, request, errors);
  // Everything on the one captured stream. Taking auxiliary streams away from a context has no effect.
  config.setMaxAuxStreams(0);
  // On by default, it would round the inputs of products in float32 to 11 bits; what is asked for in float32 is to be
  // exact.
  config.clearFlag(nvinfer1::BuilderFlag::kTF32);
#ifdef TRT_MAJOR_RTX
  // Otherwise an engine may allocate while it runs, which can't be captured.
  config.setFlag(nvinfer1::BuilderFlag::kREQUIRE_USER_ALLOCATION);
#endif
  if (request.inspectable != 0) config.setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
}

// What the builder times on the GPU: of earlier builds, as far as it is of use, and then of this one too.
class Timings {
 public:
#ifdef TRT_MAJOR_RTX
  // A cache would have no effect, and need a GPU.
  Timings(nvinfer1::IBuilderConfig&, const Arc2FaceBuildRequest&) {}
  void Save() const {}
#else
  Timings(nvinfer1::IBuilderConfig& config, const Arc2FaceBuildRequest& request) : config_(config), request_(request) {
    if (request.write_timings == nullptr) return;
    const auto use = [&](std::unique_ptr<nvinfer1::ITimingCache> cache) {
      cache_ = std::move(cache);
      return cache_ != nullptr && config.setTimingCache(*cache_, false);
    };
    // That of another GPU or version is refused.
    if (!use(Read())) use(Make(nullptr, 0));
  }
  void Save() const {
    if (cache_ == nullptr) return;
    if (const auto others = Read()) cache_->combine(*others, false);
    const std::unique_ptr<nvinfer1::IHostMemory> all(cache_->serialize());
    if (all != nullptr) request_.write_timings(request_.user, all->data(), all->size());
  }

 private:
  std::unique_ptr<nvinfer1::ITimingCache> Make(const void* data, uint64_t bytes) const {
    return std::unique_ptr<nvinfer1::ITimingCache>(config_.createTimingCache(data, bytes));
  }
  // What is kept of other builds; null if there is nothing.
  std::unique_ptr<nvinfer1::ITimingCache> Read() const {
    const void* data = nullptr;
    uint64_t bytes = 0;
    request_.read_timings(request_.user, &data, &bytes);
    return bytes == 0 ? nullptr : Make(data, bytes);
  }

  nvinfer1::IBuilderConfig& config_;
  const Arc2FaceBuildRequest& request_;
  std::unique_ptr<nvinfer1::ITimingCache> cache_;  // that the builder adds to
#endif
};

}  // namespace

void Build(Arc2FaceLibrary& library, const Arc2FaceBuildRequest& request) {
  const std::string network = request.network;
  const std::string what = "Could not build the network " + network;
  if (request.profile_count == 0) {
    throw Failure(ARC2FACE_INVALID_ARGUMENT, "Expected at least one profile for the network " + network + ".");
  }
  ErrorRecorder errors;
  const Logger::ListeningToThreads listening(library.logger(), errors);
  Monitor monitor(request);
  Writer writer(request);
  // Each of these refers to those before it.
  const auto builder = library.MakeBuilder();
  builder->setErrorRecorder(&errors);
  const std::unique_ptr<nvinfer1::INetworkDefinition> definition(builder->createNetworkV2(kNetworkFlags));
  if (definition == nullptr) errors.Throw(ARC2FACE_FAILED, what);
  const auto parser = library.MakeParser(*definition);
  library.has_10_13() ? ParseInParts(*parser, request, errors) : ParseWhole(*parser, request, errors);

  const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  if (config == nullptr) errors.Throw(ARC2FACE_FAILED, what);
  Configure(*config, request, errors);
  for (uint32_t i = 0; i < request.profile_count; ++i) {
    AddProfile(*builder, *definition, *config, request.profiles[i], network, errors);
  }
  const Timings timings(*config, request);
  errors.Clear();  // of timings that are refused
  config->setProgressMonitor(&monitor);

  bool built = false;
  if (library.has_10_13()) {
    built = builder->buildSerializedNetworkToStream(*definition, *config, writer);
  } else {
    const std::unique_ptr<nvinfer1::IHostMemory> engine(builder->buildSerializedNetwork(*definition, *config));
    built = engine != nullptr && writer.write(engine->data(), static_cast<int64_t>(engine->size())) > 0;
  }
  if (monitor.stopped() || writer.stopped()) {
    throw Failure(ARC2FACE_CANCELLED, "Building the network " + network + " was cancelled.");
  }
  if (!built) errors.Throw(ARC2FACE_FAILED, what);
  timings.Save();
}

}  // namespace arc2face::engines
