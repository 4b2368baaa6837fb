// runNetwork: loads a network with the ONNX Runtime provider and runs it once.
#include <napi.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "addon.h"
#include "device/device.h"
#include "error.h"
#include "network_source.h"
#include "provider/provider.h"

namespace {

using namespace arc2face;

size_t Elements(const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

float HalfToFloat(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  float value = 0;
  if (exponent == 31) {
    value = fraction != 0 ? NAN : INFINITY;
  } else {
    value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

// Owns the memory of one tensor.
struct Buffer {
  Buffer(DataType type, std::vector<int64_t> shape)
      : bytes(Elements(shape) * Bytes(type)),
        memory(std::make_unique<std::byte[]>(bytes)),
        tensor{type, std::move(shape), memory.get()} {}
  size_t bytes;
  std::unique_ptr<std::byte[]> memory;
  Tensor tensor;

  float operator[](size_t i) const {
    const auto element = [&]<typename T>(T) { return static_cast<float>(static_cast<const T*>(tensor.data)[i]); };
    switch (tensor.type) {
      case DataType::kFloat32:
        return element(float{});
      case DataType::kFloat64:
        return element(double{});
      case DataType::kFloat16:
        return HalfToFloat(static_cast<const uint16_t*>(tensor.data)[i]);
      case DataType::kInt64:
        return element(int64_t{});
      case DataType::kInt32:
        return element(int32_t{});
      case DataType::kUint8:
      case DataType::kBool:
        return element(uint8_t{});
      default:
        throw Error(ErrorCode::kInvalidArgument, std::string("Tests do not read ") + Name(tensor.type) + ".");
    }
  }
};

Buffer ReadInput(const Napi::Object& inputs, const TensorInfo& info) {
  if (!inputs.Has(info.name)) throw Error(ErrorCode::kInvalidArgument, "Expected the input " + info.name + ".");
  const auto input = inputs.Get(info.name).As<Napi::Object>();
  Buffer buffer(input.Has("type") ? ReadType(input.Get("type")) : info.type, ReadShape(input.Get("shape")));
  const auto data = input.Get("data").As<Napi::TypedArray>();
  if (data.ByteLength() != buffer.bytes) {
    throw Error(ErrorCode::kInvalidArgument, "Expected " + std::to_string(buffer.bytes) + " bytes for the input " +
                                                 info.name + " but received " + std::to_string(data.ByteLength()) +
                                                 ".");
  }
  std::memcpy(buffer.memory.get(), static_cast<const std::byte*>(data.ArrayBuffer().Data()) + data.ByteOffset(),
              buffer.bytes);
  return buffer;
}

Buffer MakeOutput(const Napi::Value& shapes, const TensorInfo& info) {
  std::vector<int64_t> shape = info.shape;
  if (shapes.IsObject() && shapes.As<Napi::Object>().Has(info.name))
    shape = ReadShape(shapes.As<Napi::Object>().Get(info.name));
  for (const int64_t size : shape) {
    if (size < 0)
      throw Error(ErrorCode::kInvalidArgument, "Expected outputs." + info.name + ": its shape depends on the inputs.");
  }
  return Buffer(info.type, shape);
}

// Requests the interrupt after a while, unless the scope ends first.
class Timer {
 public:
  Timer(Interrupt& interrupt, double milliseconds)
      : thread_([this, &interrupt, milliseconds] {
          std::unique_lock lock(mutex_);
          if (!done_.wait_for(lock, std::chrono::duration<double, std::milli>(milliseconds),
                              [this] { return ended_; })) {
            interrupt.Request();
          }
        }) {}
  ~Timer() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    done_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool ended_ = false;
  std::thread thread_;
};

// runNetwork(request): { [output]: { shape, data } }
//   library   path
//   graph     Uint8Array, ONNX; or `file`: path of an ONNX file
//   weights   [{ name, file, offset, length, type, shape }]
//   inputs    { [name]: { shape, data: any typed array, type? } }; the bytes of `data` are used unchanged
//   outputs   { [name]: shape }, needed for those whose shape depends on the inputs
// and optionally
//   name            for messages
//   threads         0: the runtime's choice
//   cancelAfterMs   from the start of the run; throws CANCELLED if that is before its end
//   shorten         path of a file to empty between load and run
Napi::Value RunNetwork(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto request = info[0].As<Napi::Object>();
  const int threads = request.Has("threads") ? request.Get("threads").ToNumber().Int32Value() : 0;
  const auto provider = OpenOnnxRuntime(request.Get("library").ToString(), threads);
  Interrupt interrupt;
  const auto stream = HostDevice().MakeStream();
  const auto network = provider->Load(ReadSource(request), *stream, interrupt);
  if (request.Has("shorten")) std::filesystem::resize_file(request.Get("shorten").ToString().Utf8Value(), 0);

  std::vector<Buffer> inputs, outputs;
  std::vector<Tensor> input_tensors, output_tensors;
  for (const TensorInfo& one : network->inputs()) {
    input_tensors.push_back(inputs.emplace_back(ReadInput(request.Get("inputs").As<Napi::Object>(), one)).tensor);
  }
  for (const TensorInfo& one : network->outputs()) {
    output_tensors.push_back(outputs.emplace_back(MakeOutput(request.Get("outputs"), one)).tensor);
  }
  {
    std::optional<Timer> timer;
    if (request.Has("cancelAfterMs")) timer.emplace(interrupt, request.Get("cancelAfterMs").ToNumber().DoubleValue());
    network->Run(input_tensors, output_tensors, *stream, interrupt);
  }

  const auto result = Napi::Object::New(env);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::vector<int64_t>& sizes = outputs[i].tensor.shape;
    const auto shape = Napi::Array::New(env, sizes.size());
    for (uint32_t d = 0; d < sizes.size(); ++d) shape.Set(d, Napi::Number::New(env, static_cast<double>(sizes[d])));
    auto data = Napi::Float32Array::New(env, Elements(sizes));
    for (size_t e = 0; e < data.ElementLength(); ++e) data[e] = outputs[i][e];
    const auto output = Napi::Object::New(env);
    output.Set("shape", shape);
    output.Set("data", data);
    result.Set(network->outputs()[i].name, output);
  }
  return result;
}

}  // namespace

void ExportNetworks(Napi::Env env, Napi::Object exports) {
  exports.Set("runNetwork", Napi::Function::New(env, Typed<RunNetwork>, "runNetwork"));
}
