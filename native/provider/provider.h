// The seam to what runs networks. provider/onnxruntime/ is the one for the host; TensorRT fits behind the same classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../device/device.h"
#include "../error.h"
#include "../interrupt.h"
#include "../weights/memory_map.h"

namespace arc2face {

enum class DataType : uint8_t { kFloat64, kFloat32, kFloat16, kBFloat16, kInt64, kInt32, kInt16, kInt8, kUint8, kBool };
size_t Bytes(DataType type) noexcept;
bool IsFloat(DataType type) noexcept;
const char* Name(DataType type) noexcept;  // "float32", as in models/weights/reference.ts

struct TensorInfo {
  std::string name;
  DataType type;
  std::vector<int64_t> shape;  // -1: any size
};

// A view of contiguous, row-major memory of the provider's device.
struct Tensor {
  DataType type;
  std::vector<int64_t> shape;
  void* data;
};

// A tensor in one of the source's maps, at any address.
struct StoredTensor {
  std::string name;  // in its file
  std::string file;
  DataType type;
  std::vector<int64_t> shape;
  const std::byte* data;
  size_t bytes;
};

// What an adapter adds to a weight: factor · up · down. Behind the first, the axes of `down` are one, as are the
// weight's.
struct WeightDelta {
  float factor;
  StoredTensor up;    // [rows, rank], perhaps with axes of size 1 behind
  StoredTensor down;  // [rank, columns…]
};

// A weight that the graph declares as external; the memory belongs to one of the source's maps.
struct Weight {
  std::string name;
  DataType type;
  std::vector<int64_t> shape;
  const std::byte* data;
  size_t bytes;
  // The type that the graph declares, if another: float16 for stored float32, or either of them for a sum with deltas.
  std::optional<DataType> as = {};
  std::vector<WeightDelta> deltas = {};  // added before use
};

// The shape of every input, in a network's own order.
using InputShapes = std::vector<std::vector<int64_t>>;

// One combination of shapes that a network will be run with. Inputs of fixed shape may be left out.
struct InputShape {
  std::string input;
  std::vector<int64_t> shape;
};
using Profile = std::vector<InputShape>;

// A network that its provider built earlier.
struct EngineFile {
  std::string path;
  // Where to keep what the runtime compiles from it for this GPU: read if it exists and fits, else written.
  // Empty: nowhere.
  std::string compiled;
};

// An engine file that is missing, damaged, or for another version or GPU. The owner of the network can build it again.
class InvalidEngine : public Error {
 public:
  InvalidEngine(const std::string& network, const std::string& problem)
      : Error(ErrorCode::kInvalidEngine, problem, {.network = network}) {}
};

// What a network is built from. Copies share the maps.
struct NetworkSource {
  std::string name;                  // for messages: "unet"
  std::span<const std::byte> graph;  // ONNX protobuf; read during Load only
  std::vector<Weight> weights;
  std::vector<std::shared_ptr<const MemoryMap>> maps;  // of graph and weights; the network keeps them
  // For providers that compile networks; others run any shape from the graph.
  std::vector<Profile> profiles = {};
  std::optional<EngineFile> engine = {};  // of these, instead of graph and weights
};

// A weight with infinite numbers or NaN, and its file.
struct FaultyWeight {
  std::string tensor;
  std::string file;
};

class Network {
 public:
  virtual ~Network() = default;
  virtual const std::vector<TensorInfo>& inputs() const noexcept = 0;
  virtual const std::vector<TensorInfo>& outputs() const noexcept = 0;
  // The combinations of shapes that it runs; empty: any that fit its inputs.
  virtual std::span<const InputShapes> profiles() const noexcept { return {}; }

  // Queues one evaluation on `stream`: `inputs` and `outputs` in the order of inputs() and outputs(), with exact
  // shapes, in memory that the caller keeps. An output without memory is left out, if there are no profiles(). Throws
  // kCancelled when `interrupt` was requested before it ended (the outputs are then undefined), kInvalidArgument for a
  // type or shape that does not fit, kInvalidWeights when a map was damaged, kOutOfMemory, else kEngineFailed with the
  // network's name and the runtime's words. One thread at a time.
  virtual void Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream& stream,
                   Interrupt& interrupt) = 0;

  // For when its outputs are not finite: its first call reads all its weights, if available, which takes seconds. Any
  // thread.
  virtual std::optional<FaultyWeight> FindFaultyWeight() const { return std::nullopt; }
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual const char* name() const noexcept = 0;  // "onnxruntime"
  virtual std::string version() const = 0;        // "1.30.0"
  // The most rows of latents of `height` x `width` that one UNet evaluation should have, whatever its profiles allow.
  virtual size_t PreferredRows(int64_t height, int64_t width) const noexcept = 0;
  // Before the first of these is loaded: throws kOutOfMemory if they are known to need more memory than is free.
  virtual void CheckFits(std::span<const NetworkSource>) {}
  // Builds or loads a network that will run on `stream`, of the provider's device, which is idle when this returns. May
  // take long; any thread. Throws kInvalidWeights for a graph or weight that the runtime refuses, InvalidEngine,
  // kCancelled, kOutOfMemory.
  virtual std::unique_ptr<Network> Load(const NetworkSource& source, Stream& stream, Interrupt& interrupt) = 0;
};

// ONNX Runtime from the library file at `path` (opened once per process, never closed) with a pool of `threads`
// (0: one per core). Throws kNoDevice, naming the path, when it is missing, not ONNX Runtime, too old, or fails
// a self-test.
std::unique_ptr<Provider> OpenOnnxRuntime(const std::string& path, int threads);

}  // namespace arc2face
