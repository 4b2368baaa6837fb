// A network in an ONNX Runtime session.
#include "network.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "../faulty_weights.h"
#include "../tensors.h"
#include "../weight_memory.h"
#include "element_type.h"
#include "processors.h"

namespace arc2face::ort {
namespace {

class OnnxRuntimeNetwork final : public Network {
 public:
  OnnxRuntimeNetwork(const Library& library, int threads, const NetworkSource& source, Interrupt& interrupt);

  const std::vector<TensorInfo>& inputs() const noexcept override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const noexcept override { return outputs_; }
  void Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream& stream,
           Interrupt& interrupt) override;
  std::optional<FaultyWeight> FindFaultyWeight() const override {
    std::call_once(weights_read_, [this] { faulty_weight_ = arc2face::FindFaultyWeight(sources_, maps_); });
    return faulty_weight_;
  }

 private:
  const Api& api() const noexcept { return library_.api(); }
  Owned<SessionOptions> MakeOptions(int threads) const;
  // Sums with deltas go to `sums`, which the session needs only while it is made.
  void AddWeights(SessionOptions* options, const std::vector<Weight>& weights, WeightMemory& sums,
                  const Interrupt& interrupt);
  // Once the sums are there, the files of adapters may go.
  void ForgetDeltas();
  template <typename GetName, typename GetType>
  TensorInfo GetInfo(size_t index, const GetName& get_name, const GetType& get_type) const;
  std::vector<Owned<Value>> Bind(std::span<const Tensor> tensors, const std::vector<TensorInfo>& infos,
                                 const std::string& kind) const;
  Owned<Value> MakeTensor(DataType type, const std::vector<int64_t>& shape, const void* data, size_t bytes) const;

  void CheckInterrupt(const Interrupt& interrupt) const;
  // Throws what went wrong while the runtime worked: first an interrupt or a damaged file.
  void CheckWork(Owned<Status> status, const Interrupt& interrupt, ErrorCode code, const std::string& work) const;
  void CheckLoading(Status* status) const {
    library_.Check(status, ErrorCode::kEngineFailed, "Could not load the network " + name_, {.network = name_});
  }

  const Library& library_;
  const std::string name_;
  // The session reads from these while it lives, so they come first.
  std::vector<std::shared_ptr<const MemoryMap>> maps_;
  std::vector<Weight> sources_;  // of the weights, in the maps
  mutable std::once_flag weights_read_;
  mutable std::optional<FaultyWeight> faulty_weight_;  // once they were read
  WeightMemory weight_memory_;
  std::vector<Owned<Value>> weights_;
  const Owned<MemoryInfo> host_memory_;
  Owned<Session> session_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
};

OnnxRuntimeNetwork::OnnxRuntimeNetwork(const Library& library, int threads, const NetworkSource& source,
                                       Interrupt& interrupt)
    : library_(library),
      name_(source.name),
      maps_(source.maps),
      sources_(source.weights),
      host_memory_(library.Make<MemoryInfo>(api().CreateCpuMemoryInfo, api().ReleaseMemoryInfo, kDeviceAllocator,
                                            kMemoryDefault)),
      session_(nullptr, api().ReleaseSession.pointer()) {
  WeightMemory sums;
  const Owned<SessionOptions> options = MakeOptions(threads);
  AddWeights(options.get(), source.weights, sums, interrupt);
  Owned<Status> status(nullptr, api().ReleaseStatus.pointer());
  {
    const Interrupt::Scope scope(interrupt, [this, &options] {
      Owned<Status>(api().SessionOptionsSetLoadCancellationFlag(options.get(), true), api().ReleaseStatus.pointer());
    });
    Session* session = nullptr;
    status.reset(
        api().CreateSessionFromArray(library.env(), source.graph.data(), source.graph.size(), options.get(), &session));
    session_.reset(session);
  }
  CheckWork(std::move(status), interrupt, ErrorCode::kInvalidWeights, "load");
  ForgetDeltas();

  size_t count = 0;
  CheckLoading(api().SessionGetInputCount(session_.get(), &count));
  for (size_t i = 0; i < count; ++i) {
    inputs_.push_back(GetInfo(i, api().SessionGetInputName, api().SessionGetInputTypeInfo));
  }
  CheckLoading(api().SessionGetOutputCount(session_.get(), &count));
  for (size_t i = 0; i < count; ++i) {
    outputs_.push_back(GetInfo(i, api().SessionGetOutputName, api().SessionGetOutputTypeInfo));
  }
}

Owned<SessionOptions> OnnxRuntimeNetwork::MakeOptions(int threads) const {
  auto options = library_.Make<SessionOptions>(api().CreateSessionOptions, api().ReleaseSessionOptions);
  CheckLoading(api().SetSessionGraphOptimizationLevel(options.get(), kOptimizeAll));

  // A pool for each session, because a shared one would belong to the process and have one size for all models. The
  // sessions of a model take turns, and a pool without work sleeps. While others work, it sleeps too instead of
  // spinning: a waiting thread must not take a processor from the event loop.
  CheckLoading(api().SetIntraOpNumThreads(options.get(), threads > 0 ? threads : CountCores()));
  CheckLoading(api().SetInterOpNumThreads(options.get(), 1));
  CheckLoading(api().AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning", "0"));

  // Memory patterns would give every combination of input shapes a block of its own beside the arena that its first run
  // filled, so that intermediate tensors take twice the memory, and more with every batch size, for no gain in time
  // that could be measured. The arena stays: without one, every run faults its pages in again, which took a fifth of
  // the run.
  CheckLoading(api().DisableMemPattern(options.get()));
  return options;
}

void OnnxRuntimeNetwork::AddWeights(SessionOptions* options, const std::vector<Weight>& weights, WeightMemory& sums,
                                    const Interrupt& interrupt) {
  for (const Weight& weight : weights) {
    CheckInterrupt(interrupt);  // sums take seconds
    const bool is_sum = !weight.deltas.empty();
    const auto [type, data, bytes] = (is_sum ? sums : weight_memory_).Prepare(weight, name_);
    auto value = MakeTensor(type, weight.shape, data, bytes);
    const char* const name = weight.name.c_str();
    const Value* const given = value.get();
    // The first gives the optimiser the values, but makes the session copy what kernels do not repack. The second lets
    // the session use ours for that. Files are mapped anyway; sums would take memory, and after the first alone may be
    // given back once the session is there, which saves 2.4 GB of 8.1 with LCM-LoRA and Stable Diffusion 1.5.
    CheckLoading(api().AddExternalInitializers(options, &name, &given, 1));
    if (is_sum) continue;
    CheckLoading(api().AddInitializer(options, name, given));
    weights_.push_back(std::move(value));
  }
}

void OnnxRuntimeNetwork::ForgetDeltas() {
  for (Weight& weight : sources_) weight.deltas.clear();
  if (sources_.empty()) return;  // the graph itself is in a map
  std::erase_if(maps_, [&](const auto& map) {
    return std::none_of(sources_.begin(), sources_.end(), [&](const Weight& weight) {
      return weight.data >= map->data() && weight.data < map->data() + map->size();
    });
  });
}

template <typename GetName, typename GetType>
TensorInfo OnnxRuntimeNetwork::GetInfo(size_t index, const GetName& get_name, const GetType& get_type) const {
  Allocator* allocator = nullptr;
  CheckLoading(api().GetAllocatorWithDefaultOptions(&allocator));
  char* text = nullptr;
  CheckLoading(get_name(session_.get(), index, allocator, &text));
  const std::string name = text;
  CheckLoading(api().AllocatorFree(allocator, text));

  const auto info = library_.Make<TypeInfo>(get_type, api().ReleaseTypeInfo, session_.get(), index);
  const TensorTypeInfo* tensor = nullptr;  // part of `info`; null if it is not a tensor
  CheckLoading(api().CastTypeInfoToTensorInfo(info.get(), &tensor));
  int element = 0;
  if (tensor != nullptr) CheckLoading(api().GetTensorElementType(tensor, &element));
  const std::optional<DataType> type = FromElementType(element);
  if (!type) {
    throw Error(ErrorCode::kInvalidWeights,
                "Expected a tensor of numbers for " + name + " of the network " + name_ + " but received another type.",
                {.network = name_, .tensor = name});
  }
  size_t rank = 0;
  CheckLoading(api().GetDimensionsCount(tensor, &rank));
  std::vector<int64_t> shape(rank);
  CheckLoading(api().GetDimensions(tensor, shape.data(), rank));
  return {name, *type, std::move(shape)};
}

void OnnxRuntimeNetwork::Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream&,
                             Interrupt& interrupt) {
  const std::vector<Owned<Value>> input_values = Bind(inputs, inputs_, "input");
  const std::vector<Owned<Value>> output_values = Bind(outputs, outputs_, "output");
  std::vector<const char*> input_names, output_names;
  std::vector<const Value*> input_pointers;
  std::vector<Value*> output_pointers;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    input_names.push_back(inputs_[i].name.c_str());
    input_pointers.push_back(input_values[i].get());
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs[i].data == nullptr) continue;  // not wanted
    output_names.push_back(outputs_[i].name.c_str());
    output_pointers.push_back(output_values[i].get());
  }

  const auto options = library_.Make<RunOptions>(api().CreateRunOptions, api().ReleaseRunOptions);
  Owned<Status> status(nullptr, api().ReleaseStatus.pointer());
  if (!interrupt.requested()) {
    const Interrupt::Scope scope(interrupt, [this, &options] {
      Owned<Status>(api().RunOptionsSetTerminate(options.get()), api().ReleaseStatus.pointer());
    });
    status.reset(api().Run(session_.get(), options.get(), input_names.data(), input_pointers.data(),
                           input_pointers.size(), output_names.data(), output_pointers.size(), output_pointers.data()));
  }
  CheckWork(std::move(status), interrupt, ErrorCode::kEngineFailed, "run");
}

std::vector<Owned<Value>> OnnxRuntimeNetwork::Bind(std::span<const Tensor> tensors,
                                                   const std::vector<TensorInfo>& infos,
                                                   const std::string& kind) const {
  if (tensors.size() != infos.size()) {
    throw Error(ErrorCode::kInvalidArgument, "Expected " + std::to_string(infos.size()) + " tensors as " + kind +
                                                 "s for the network " + name_ + " but received " +
                                                 std::to_string(tensors.size()) + ".");
  }
  std::vector<Owned<Value>> values;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    const TensorInfo& info = infos[i];
    const std::string label = "the " + kind + " " + info.name + " of the network " + name_;
    if (tensor.type != info.type || !Fits(tensor.shape, info.shape)) {
      throw Error(ErrorCode::kInvalidArgument, "Expected " + Describe(info.type, info.shape) + " for " + label +
                                                   " but received " + Describe(tensor.type, tensor.shape) + ".");
    }
    const size_t bytes = TensorBytes(tensor.type, tensor.shape, ErrorCode::kInvalidArgument, label);
    values.push_back(MakeTensor(tensor.type, tensor.shape, tensor.data, bytes));
  }
  return values;
}

// A view; the API takes inputs and weights as mutable, but does not write to them.
Owned<Value> OnnxRuntimeNetwork::MakeTensor(DataType type, const std::vector<int64_t>& shape, const void* data,
                                            size_t bytes) const {
  return library_.Make<Value>(api().CreateTensorWithDataAsOrtValue, api().ReleaseValue, host_memory_.get(),
                              const_cast<void*>(data), bytes, shape.data(), shape.size(), ElementType(type));
}

void OnnxRuntimeNetwork::CheckInterrupt(const Interrupt& interrupt) const {
  if (!interrupt.requested()) return;
  throw Error(ErrorCode::kCancelled, "Work on the network " + name_ + " was cancelled.");
}

void OnnxRuntimeNetwork::CheckWork(Owned<Status> status, const Interrupt& interrupt, ErrorCode code,
                                   const std::string& work) const {
  CheckInterrupt(interrupt);
  for (const auto& map : maps_) {
    if (map->damaged()) {
      throw Error(ErrorCode::kInvalidWeights,
                  "Expected the file " + map->path() + " of the network " + name_ +
                      " to keep its size while it is in use, but it became shorter.",
                  {.file = map->path(), .network = name_});
    }
  }
  ErrorDetails details{.network = name_, .device = "cpu"};
  if (maps_.size() == 1) details.file = maps_[0]->path();
  library_.Check(status.release(), code, "Could not " + work + " the network " + name_, details);
}

}  // namespace

std::unique_ptr<Network> LoadNetwork(const Library& library, int threads, const NetworkSource& source,
                                     Interrupt& interrupt) {
  return std::make_unique<OnnxRuntimeNetwork>(library, threads, source, interrupt);
}

}  // namespace arc2face::ort
