// An engine as a network.
#include "network.h"

#include <algorithm>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "../tensors.h"
#include "compiled.h"
#include "shapes.h"

namespace arc2face::tensorrt {
namespace {

// Objects of the library, closed by its functions.
using OwnedEngine = std::unique_ptr<Arc2FaceEngine, void (*)(Arc2FaceEngine*)>;
using OwnedContext = std::unique_ptr<Arc2FaceContext, void (*)(Arc2FaceContext*)>;

class EngineNetwork final : public Network {
 public:
  EngineNetwork(const EngineLibrary& library, const std::string& name, std::span<const std::byte> engine,
                const std::string& compiled, Stream& stream, std::shared_ptr<Arena> arena, Interrupt& interrupt);
  ~EngineNetwork() override;

  const std::vector<TensorInfo>& inputs() const noexcept override { return inputs_.infos; }
  const std::vector<TensorInfo>& outputs() const noexcept override { return outputs_.infos; }
  std::span<const InputShapes> profiles() const noexcept override { return profiles_; }
  void Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream& stream,
           Interrupt& interrupt) override;

 private:
  // Inputs or outputs, and their indices in the engine.
  struct Tensors {
    const char* kind;
    std::vector<TensorInfo> infos;
    std::vector<uint32_t> indices;
  };
  // What runs one profile.
  struct Execution {
    OwnedContext context;
    std::vector<std::vector<int64_t>> outputs;  // their shapes, in the network's order
    size_t bytes;
    Arena::Block memory;
    const Stream* stream;  // that the memory is for
  };

  const Arc2FaceEngineApi& api() const noexcept { return library_.api(); }
  void CheckCancelled(const Interrupt& interrupt) const;
  void DescribeTensors();
  void AddExecution(uint32_t profile, Stream& stream);
  Execution& Find(std::span<const Tensor> inputs);
  std::string DescribeProfiles() const;
  void CheckTensors(std::span<const Tensor> tensors, const Tensors& declared,
                    const std::vector<std::vector<int64_t>>* shapes) const;
  void SetAddresses(const Execution& execution, std::span<const Tensor> tensors, const Tensors& declared) const;
  void AnnounceMemory(const Stream& stream) const;
  void LendMemory(Execution& execution, Stream& stream) const;
  size_t BytesOf(const Tensors& tensors, size_t i, const std::vector<int64_t>& shape) const;
  void WarmUp(size_t profile, Stream& stream, Interrupt& interrupt);

  // Calls a function of the library and throws its error.
  template <typename Function, typename... Arguments>
  void Do(const Function& function, Arguments... arguments) const {
    Arc2FaceMessage message{};
    const Arc2FaceStatus status = function(arguments..., &message);
    if (status == ARC2FACE_OK) return;
    if (status == ARC2FACE_FAILED) arena_->device().CheckAlive();
    const std::string what = "The network " + name_;
    if (status == ARC2FACE_INVALID_ENGINE) throw InvalidEngine(name_, what + ": " + message.text);
    Check(status, message, what, {.network = name_, .device = arena_->device().name()});
  }

  const EngineLibrary library_;
  const std::string name_;
  const std::shared_ptr<Arena> arena_;
  OwnedEngine engine_;
  Tensors inputs_{.kind = "input", .infos = {}, .indices = {}};
  Tensors outputs_{.kind = "output", .infos = {}, .indices = {}};
  std::vector<InputShapes> profiles_;
  std::vector<Execution> executions_;  // of each profile; closed before the engine
};

EngineNetwork::EngineNetwork(const EngineLibrary& library, const std::string& name, std::span<const std::byte> engine,
                             const std::string& compiled, Stream& stream, std::shared_ptr<Arena> arena,
                             Interrupt& interrupt)
    : library_(library), name_(name), arena_(std::move(arena)), engine_(nullptr, api().CloseEngine) {
  CheckCancelled(interrupt);
  Arc2FaceEngine* opened = nullptr;
  Do(api().OpenEngine, library_.get(), engine.data(), engine.size(), &opened);
  engine_.reset(opened);
  const bool is_compiled = compiled.empty() || LoadCompiled(api(), opened, compiled);
  DescribeTensors();
  for (uint32_t profile = 0; profile < api().ProfileCount(opened); ++profile) {
    CheckCancelled(interrupt);
    AddExecution(profile, stream);
  }
  // A single profile settles what the network leaves open.
  if (executions_.size() == 1) {
    for (size_t i = 0; i < outputs_.infos.size(); ++i) outputs_.infos[i].shape = executions_[0].outputs[i];
  }
  AnnounceMemory(stream);
  // A lack of memory shows now, not in the middle of a call.
  for (Execution& execution : executions_) LendMemory(execution, stream);
  for (size_t profile = 0; profile < executions_.size(); ++profile) WarmUp(profile, stream, interrupt);
  if (!is_compiled) SaveCompiled(api(), opened, compiled);
  stream.Synchronize();
}

EngineNetwork::~EngineNetwork() {
  const std::shared_lock no_captures(arena_->device().captures());
  executions_.clear();
  engine_.reset();
}

void EngineNetwork::CheckCancelled(const Interrupt& interrupt) const {
  if (interrupt.requested()) {
    throw Error(ErrorCode::kCancelled, "Work on the network " + name_ + " was cancelled.");
  }
}

void EngineNetwork::DescribeTensors() {
  for (uint32_t i = 0; i < api().TensorCount(engine_.get()); ++i) {
    Arc2FaceTensorInfo info{};
    Do(api().DescribeTensor, engine_.get(), i, &info);
    Tensors& tensors = info.is_input != 0 ? inputs_ : outputs_;
    tensors.infos.push_back({.name = info.name, .type = FromAbi(info.type), .shape = FromAbi(info.shape)});
    tensors.indices.push_back(i);
  }
}

void EngineNetwork::AddExecution(uint32_t profile, Stream& stream) {
  Arc2FaceContext* made = nullptr;
  Do(api().MakeContext, engine_.get(), profile, stream.handle(), &made);
  Execution execution{.context = OwnedContext(made, api().CloseContext),
                      .outputs = {},
                      .bytes = 0,
                      .memory = nullptr,
                      .stream = nullptr};
  const auto shape_of = [&](uint32_t tensor) {
    Arc2FaceShape shape{};
    Do(api().TensorShape, made, tensor, &shape);
    return FromAbi(shape);
  };
  InputShapes& inputs = profiles_.emplace_back();
  std::transform(inputs_.indices.begin(), inputs_.indices.end(), std::back_inserter(inputs), shape_of);
  std::transform(outputs_.indices.begin(), outputs_.indices.end(), std::back_inserter(execution.outputs), shape_of);
  uint64_t bytes = 0;
  Do(api().ContextBytes, made, &bytes);
  execution.bytes = static_cast<size_t>(bytes);
  executions_.push_back(std::move(execution));
}

void EngineNetwork::Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream& stream,
                        Interrupt& interrupt) {
  CheckCancelled(interrupt);
  CheckTensors(inputs, inputs_, nullptr);
  Execution& execution = Find(inputs);
  CheckTensors(outputs, outputs_, &execution.outputs);
  if (execution.stream != &stream) LendMemory(execution, stream);
  SetAddresses(execution, inputs, inputs_);
  SetAddresses(execution, outputs, outputs_);
  Do(api().Enqueue, execution.context.get(), stream.handle());
}

EngineNetwork::Execution& EngineNetwork::Find(std::span<const Tensor> inputs) {
  const auto found = std::find_if(profiles_.begin(), profiles_.end(), [&](const InputShapes& shapes) {
    return std::equal(inputs.begin(), inputs.end(), shapes.begin(), shapes.end(),
                      [](const Tensor& tensor, const auto& shape) { return tensor.shape == shape; });
  });
  if (found != profiles_.end()) return executions_[static_cast<size_t>(found - profiles_.begin())];
  std::string received;
  for (size_t i = 0; i < inputs.size(); ++i) {
    received += (i == 0 ? "" : ", ") + inputs_.infos[i].name + " " + Describe(inputs[i].type, inputs[i].shape);
  }
  throw Error(ErrorCode::kInvalidArgument, "Expected shapes that the engine of the network " + name_ +
                                               " was built for (" + DescribeProfiles() + ") but received " + received +
                                               ".");
}

std::string EngineNetwork::DescribeProfiles() const {
  std::string text;
  for (const InputShapes& shapes : profiles_) {
    if (!text.empty()) text += "; ";
    for (size_t i = 0; i < inputs_.infos.size(); ++i) {
      text += (i == 0 ? "" : ", ") + inputs_.infos[i].name + " " + Describe(inputs_.infos[i].type, shapes[i]);
    }
  }
  return text;
}

// `shapes`: those of the profile; null if they have yet to select it.
void EngineNetwork::CheckTensors(std::span<const Tensor> tensors, const Tensors& declared,
                                 const std::vector<std::vector<int64_t>>* shapes) const {
  const std::string kind = declared.kind;
  if (tensors.size() != declared.infos.size()) {
    throw Error(ErrorCode::kInvalidArgument, "Expected " + std::to_string(declared.infos.size()) + " tensors as " +
                                                 kind + "s for the network " + name_ + " but received " +
                                                 std::to_string(tensors.size()) + ".");
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& info = declared.infos[i];
    const auto& shape = shapes == nullptr ? info.shape : (*shapes)[i];
    if (tensors[i].type == info.type && Fits(tensors[i].shape, shape)) continue;
    throw Error(ErrorCode::kInvalidArgument, "Expected " + Describe(info.type, shape) + " for the " + kind + " " +
                                                 info.name + " of the network " + name_ + " but received " +
                                                 Describe(tensors[i].type, tensors[i].shape) + ".");
  }
}

void EngineNetwork::SetAddresses(const Execution& execution, std::span<const Tensor> tensors,
                                 const Tensors& declared) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    Do(api().SetAddress, execution.context.get(), declared.indices[i], tensors[i].data);
  }
}

void EngineNetwork::AnnounceMemory(const Stream& stream) const {
  std::vector<ProfileMemory> profiles;
  for (size_t p = 0; p < profiles_.size(); ++p) {
    // Inputs begin with the size of the batch.
    const bool has_rows = !profiles_[p].empty() && !profiles_[p][0].empty();
    ProfileMemory& profile = profiles.emplace_back(ProfileMemory{
        .rows = has_rows ? static_cast<size_t>(profiles_[p][0][0]) : 1, .scratch = executions_[p].bytes, .tensors = 0});
    for (size_t i = 0; i < profiles_[p].size(); ++i) profile.tensors += BytesOf(inputs_, i, profiles_[p][i]);
    const auto& outputs = executions_[p].outputs;
    for (size_t i = 0; i < outputs.size(); ++i) profile.tensors += BytesOf(outputs_, i, outputs[i]);
  }
  arena_->Announce(stream, name_, profiles);
}

size_t EngineNetwork::BytesOf(const Tensors& tensors, size_t i, const std::vector<int64_t>& shape) const {
  const auto& [name, type, _] = tensors.infos[i];
  return TensorBytes(type, shape, ErrorCode::kEngineFailed, name + " of the network " + name_);
}

void EngineNetwork::LendMemory(Execution& execution, Stream& stream) const {
  // The most that any profile needs, so that all share one block from the start.
  size_t most = 0;
  for (const Execution& one : executions_) most = std::max(most, one.bytes);
  Arena::Block block = arena_->Reserve(stream, most);
  Do(api().SetMemory, execution.context.get(), static_cast<void*>(block->data()), static_cast<uint64_t>(block->size()));
  execution.memory = std::move(block);
  execution.stream = &stream;
}

// One run over zeros, which makes the runtime load or compile the kernels that it will need: so the first call is as
// fast as the second.
void EngineNetwork::WarmUp(size_t profile, Stream& stream, Interrupt& interrupt) {
  std::vector<DeviceBuffer<std::byte>> memory;
  const auto zeros = [&](const Tensors& declared, const std::vector<std::vector<int64_t>>& shapes) {
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const auto& buffer = memory.emplace_back(arena_->device(), BytesOf(declared, i, shapes[i]));
      stream.Zero(buffer.data(), buffer.bytes());
      tensors.push_back({declared.infos[i].type, shapes[i], buffer.data()});
    }
    return tensors;
  };
  const std::vector<Tensor> inputs = zeros(inputs_, profiles_[profile]);
  const std::vector<Tensor> outputs = zeros(outputs_, executions_[profile].outputs);
  Run(inputs, outputs, stream, interrupt);
  stream.Synchronize();
}

}  // namespace

std::unique_ptr<Network> OpenNetwork(const EngineLibrary& library, const std::string& name,
                                     std::span<const std::byte> engine, const std::string& compiled, Stream& stream,
                                     std::shared_ptr<Arena> arena, Interrupt& interrupt) {
  const std::shared_lock no_captures(arena->device().captures());
  return std::make_unique<EngineNetwork>(library, name, engine, compiled, stream, std::move(arena), interrupt);
}

}  // namespace arc2face::tensorrt
