#include "network.h"

#include <cstring>
#include <utility>

#include "../../error.h"

namespace arc2face::ort {
namespace {

constexpr std::pair<DataType, int> kElementTypes[] = {
    {DataType::kFloat64, kElementFloat64}, {DataType::kFloat32, kElementFloat32},
    {DataType::kFloat16, kElementFloat16}, {DataType::kBFloat16, kElementBFloat16},
    {DataType::kInt64, kElementInt64},     {DataType::kInt32, kElementInt32},
    {DataType::kInt16, kElementInt16},     {DataType::kInt8, kElementInt8},
    {DataType::kUint8, kElementUint8},     {DataType::kBool, kElementBool},
};

int ElementType(DataType type) {
  for (const auto& [ours, theirs] : kElementTypes) {
    if (ours == type) return theirs;
  }
  throw Error(ErrorCode::kInvalidArgument, "Expected a known data type.");
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : ", ") + (shape[i] < 0 ? "?" : std::to_string(shape[i]));
  return text + "]";
}

// Bytes of a tensor of this type and shape; throws `code`, naming the tensor, for a negative or overflowing size.
size_t TensorBytes(DataType type, const std::vector<int64_t>& shape, ErrorCode code, const std::string& name) {
  size_t bytes = Bytes(type);
  for (const int64_t size : shape) {
    if (size < 0 || (size > 0 && bytes > SIZE_MAX / static_cast<size_t>(size))) {
      throw Error(code, "Expected a shape in memory for " + name + " but received " + ShapeText(shape) + ".");
    }
    bytes *= static_cast<size_t>(size);
  }
  return bytes;
}

bool Fits(const std::vector<int64_t>& shape, const std::vector<int64_t>& expected) {
  if (shape.size() != expected.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0 || (expected[i] >= 0 && shape[i] != expected[i])) return false;
  }
  return true;
}

class OnnxRuntimeNetwork final : public Network {
 public:
  OnnxRuntimeNetwork(const Library& library, int threads, const NetworkSource& source, Interrupt& interrupt);

  const std::vector<TensorInfo>& inputs() const noexcept override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const noexcept override { return outputs_; }
  void Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream& stream,
           Interrupt& interrupt) override;

 private:
  const Api& api() const noexcept { return library_.api(); }
  Owned<SessionOptions> MakeOptions(int threads, const std::vector<Weight>& weights);
  Owned<Value> MakeTensor(DataType type, const std::vector<int64_t>& shape, const void* data, size_t bytes) const;
  const std::byte* Aligned(const Weight& weight);
  template <typename GetName, typename GetType>
  TensorInfo Describe(size_t index, const GetName& get_name, const GetType& get_type) const;
  std::vector<Owned<Value>> Bind(std::span<const Tensor> tensors, const std::vector<TensorInfo>& infos,
                                 const char* kind) const;
  void CheckMaps() const;

  const Library& library_;
  const std::string name_;
  const std::vector<std::shared_ptr<const MemoryMap>> maps_;
  std::vector<std::unique_ptr<std::byte[]>> aligned_;
  Owned<MemoryInfo> memory_;
  Owned<Session> session_{nullptr, nullptr};
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
};

OnnxRuntimeNetwork::OnnxRuntimeNetwork(const Library& library, int threads, const NetworkSource& source,
                                       Interrupt& interrupt)
    : library_(library),
      name_(source.name),
      maps_(source.maps),
      memory_(library.Make<MemoryInfo>(api().CreateCpuMemoryInfo, api().ReleaseMemoryInfo, kDeviceAllocator,
                                       kMemoryDefault)) {
  const Owned<SessionOptions> options = MakeOptions(threads, source.weights);
  Session* session = nullptr;
  Status* status = nullptr;
  {
    const Interrupt::Scope scope(interrupt, [this, &options] {
      if (Status* failure = api().SessionOptionsSetLoadCancellationFlag(options.get(), true))
        api().ReleaseStatus(failure);
    });
    status =
        api().CreateSessionFromArray(library.env(), source.graph.data(), source.graph.size(), options.get(), &session);
  }
  session_ = Owned<Session>(session, api().ReleaseSession.pointer());
  if (interrupt.requested()) {
    if (status != nullptr) api().ReleaseStatus(status);
    throw Error(ErrorCode::kCancelled, "Loading the network " + name_ + " was cancelled.");
  }
  CheckMaps();
  library.Check(status, ErrorCode::kInvalidWeights, "Could not load the network " + name_);

  size_t count = 0;
  library.Check(api().SessionGetInputCount(session, &count), ErrorCode::kEngineFailed, name_);
  for (size_t i = 0; i < count; ++i)
    inputs_.push_back(Describe(i, api().SessionGetInputName, api().SessionGetInputTypeInfo));
  library.Check(api().SessionGetOutputCount(session, &count), ErrorCode::kEngineFailed, name_);
  for (size_t i = 0; i < count; ++i)
    outputs_.push_back(Describe(i, api().SessionGetOutputName, api().SessionGetOutputTypeInfo));
}

Owned<SessionOptions> OnnxRuntimeNetwork::MakeOptions(int threads, const std::vector<Weight>& weights) {
  const auto check = [this](Status* status) {
    library_.Check(status, ErrorCode::kEngineFailed, "Could not load the network " + name_);
  };
  Owned<SessionOptions> options =
      library_.Make<SessionOptions>(api().CreateSessionOptions, api().ReleaseSessionOptions);
  check(api().SetSessionGraphOptimizationLevel(options.get(), kOptimizeAll));
  check(api().SetIntraOpNumThreads(options.get(), threads));
  check(api().SetInterOpNumThreads(options.get(), 1));

  std::vector<Owned<Value>> values;
  std::vector<const char*> names;
  std::vector<const Value*> pointers;
  for (const Weight& weight : weights) {
    const size_t bytes =
        TensorBytes(weight.type, weight.shape, ErrorCode::kInvalidWeights, "the weight " + weight.name);
    if (bytes != weight.bytes) {
      throw Error(ErrorCode::kInvalidWeights, "Expected " + std::to_string(bytes) + " bytes for the weight " +
                                                  weight.name + " of " + name_ + " but received " +
                                                  std::to_string(weight.bytes) + ".");
    }
    values.push_back(MakeTensor(weight.type, weight.shape, Aligned(weight), bytes));
    names.push_back(weight.name.c_str());
    pointers.push_back(values.back().get());
  }
  if (!weights.empty())
    check(api().AddExternalInitializers(options.get(), names.data(), pointers.data(), names.size()));
  return options;
}

// Kernels read elements as the C++ types that they are, which must lie on multiples of their size. Old safetensors
// files have headers of odd length; only for those is there a copy.
const std::byte* OnnxRuntimeNetwork::Aligned(const Weight& weight) {
  if (reinterpret_cast<uintptr_t>(weight.data) % Bytes(weight.type) == 0) return weight.data;
  aligned_.push_back(std::make_unique_for_overwrite<std::byte[]>(weight.bytes));
  std::memcpy(aligned_.back().get(), weight.data, weight.bytes);
  return aligned_.back().get();
}

Owned<Value> OnnxRuntimeNetwork::MakeTensor(DataType type, const std::vector<int64_t>& shape, const void* data,
                                            size_t bytes) const {
  // The API takes inputs, weights and outputs alike as mutable.
  return library_.Make<Value>(api().CreateTensorWithDataAsOrtValue, api().ReleaseValue, memory_.get(),
                              const_cast<void*>(data), bytes, shape.data(), shape.size(), ElementType(type));
}

template <typename GetName, typename GetType>
TensorInfo OnnxRuntimeNetwork::Describe(size_t index, const GetName& get_name, const GetType& get_type) const {
  const auto check = [this](Status* status) {
    library_.Check(status, ErrorCode::kEngineFailed, "Could not load the network " + name_);
  };
  Allocator* allocator = nullptr;
  check(api().GetAllocatorWithDefaultOptions(&allocator));
  char* name = nullptr;
  check(get_name(session_.get(), index, allocator, &name));
  TensorInfo described{.name = name, .type = DataType::kFloat32, .shape = {}};
  check(api().AllocatorFree(allocator, name));

  const Owned<TypeInfo> type = library_.Make<TypeInfo>(get_type, api().ReleaseTypeInfo, session_.get(), index);
  const TensorTypeInfo* tensor = nullptr;
  check(api().CastTypeInfoToTensorInfo(type.get(), &tensor));
  int element = 0;
  if (tensor != nullptr) check(api().GetTensorElementType(tensor, &element));
  bool known = false;
  for (const auto& [ours, theirs] : kElementTypes) {
    if (theirs != element) continue;
    described.type = ours;
    known = true;
  }
  if (!known) {
    throw Error(ErrorCode::kInvalidWeights, "Expected a tensor of numbers for " + described.name + " of the network " +
                                                name_ + " but received another type.");
  }
  size_t rank = 0;
  check(api().GetDimensionsCount(tensor, &rank));
  described.shape.resize(rank);
  check(api().GetDimensions(tensor, described.shape.data(), rank));
  return described;
}

std::vector<Owned<Value>> OnnxRuntimeNetwork::Bind(std::span<const Tensor> tensors,
                                                   const std::vector<TensorInfo>& infos, const char* kind) const {
  if (tensors.size() != infos.size()) {
    throw Error(ErrorCode::kInvalidArgument, "Expected " + std::to_string(infos.size()) + " " + kind +
                                                 "s for the network " + name_ + " but received " +
                                                 std::to_string(tensors.size()) + ".");
  }
  std::vector<Owned<Value>> values;
  values.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    const TensorInfo& info = infos[i];
    if (tensor.type != info.type || !Fits(tensor.shape, info.shape)) {
      throw Error(ErrorCode::kInvalidArgument, std::string("Expected ") + Name(info.type) + " " +
                                                   ShapeText(info.shape) + " for the " + kind + " " + info.name +
                                                   " of the network " + name_ + " but received " + Name(tensor.type) +
                                                   " " + ShapeText(tensor.shape) + ".");
    }
    const size_t bytes = TensorBytes(tensor.type, tensor.shape, ErrorCode::kInvalidArgument, info.name);
    values.push_back(MakeTensor(tensor.type, tensor.shape, tensor.data, bytes));
  }
  return values;
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
    output_names.push_back(outputs_[i].name.c_str());
    output_pointers.push_back(output_values[i].get());
  }

  const Owned<RunOptions> options = library_.Make<RunOptions>(api().CreateRunOptions, api().ReleaseRunOptions);
  Status* status = nullptr;
  if (!interrupt.requested()) {
    const Interrupt::Scope scope(interrupt, [this, &options] {
      if (Status* failure = api().RunOptionsSetTerminate(options.get())) api().ReleaseStatus(failure);
    });
    status = api().Run(session_.get(), options.get(), input_names.data(), input_pointers.data(), input_pointers.size(),
                       output_names.data(), output_pointers.size(), output_pointers.data());
  }
  if (interrupt.requested()) {
    if (status != nullptr) api().ReleaseStatus(status);
    throw Error(ErrorCode::kCancelled, "Running the network " + name_ + " was cancelled.");
  }
  CheckMaps();
  library_.Check(status, ErrorCode::kEngineFailed, "Could not run the network " + name_);
}

void OnnxRuntimeNetwork::CheckMaps() const {
  for (const auto& map : maps_) {
    if (map->damaged()) {
      throw Error(ErrorCode::kInvalidWeights, "Expected the file " + map->path() + " of the network " + name_ +
                                                  " to stay as it is while it is in use, but it became shorter.");
    }
  }
}

}  // namespace

std::unique_ptr<Network> LoadNetwork(const Library& library, int threads, const NetworkSource& source,
                                     Interrupt& interrupt) {
  return std::make_unique<OnnxRuntimeNetwork>(library, threads, source, interrupt);
}

}  // namespace arc2face::ort
