// Networks that compute small known functions, to test the code around them: with the interfaces of models/*.ts, no
// runtime.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "error.h"
#include "pipeline/pipeline.h"
#include "provider/provider.h"

namespace arc2face::testing {

inline constexpr int64_t kRows = 3;       // of the conditioning
inline constexpr int64_t kDimension = 5;  // of the conditioning
inline constexpr int64_t kChannels = 4;

// Holds up a network until opened, and tells that it has been reached.
class Gate {
 public:
  void Close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  // Until a network waits at the gate.
  void AwaitArrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  // Called by a network: waits until the gate is open or the work is interrupted.
  void Pass(Interrupt& interrupt) {
    const Interrupt::Scope scope(interrupt, [this] {
      const std::lock_guard lock(mutex_);
      interrupted_ = true;
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_ || interrupted_; });
    --waiting_;
    if (std::exchange(interrupted_, false)) throw Error(ErrorCode::kCancelled, "Interrupted at the gate.");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  bool interrupted_ = false;
  int waiting_ = 0;
};

// A test's view of and control over its networks.
struct Control {
  Gate unet_gate, encoder_gate, judge_gate;
  // The rows that the UNet's batches are built for, with latents of 4 x 4; empty: it runs any shape.
  std::vector<int64_t> unet_rows;
  // Sees the inputs of every evaluation of the UNet, on its thread: sample, timestep, conditioning.
  std::function<void(std::span<const Tensor>)> on_unet;
  std::mutex mutex;
  std::vector<int64_t> unet_batches;   // rows of every evaluation
  std::atomic<int> fail_unet_at = -1;  // the evaluation, counted from 0, that fails
  std::atomic<int> evaluations = 0;
  std::string spoiled;               // name of the network whose last number becomes `spoiled_with`
  std::atomic<int> spoiled_from{0};  // its first such evaluation, counted from 0
  std::string faulty_file;           // if not empty: the file whose weights are at fault
  float spoiled_with = std::numeric_limits<float>::quiet_NaN();

  std::vector<int64_t> batches() {
    const std::lock_guard lock(mutex);
    return unet_batches;
  }
};

class FakeNetwork : public Network {
 public:
  using Function = std::function<void(std::span<const Tensor>, std::span<const Tensor>, Interrupt&)>;
  FakeNetwork(std::vector<TensorInfo> inputs, std::vector<TensorInfo> outputs, Function function,
              std::vector<InputShapes> profiles = {})
      : inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        function_(std::move(function)),
        profiles_(std::move(profiles)) {}
  const std::vector<TensorInfo>& inputs() const noexcept override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const noexcept override { return outputs_; }
  std::span<const InputShapes> profiles() const noexcept override { return profiles_; }
  void Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream&, Interrupt& interrupt) override {
    if (interrupt.requested()) throw Error(ErrorCode::kCancelled, "Interrupted before the start.");
    function_(inputs, outputs, interrupt);
  }

 private:
  std::vector<TensorInfo> inputs_, outputs_;
  Function function_;
  std::vector<InputShapes> profiles_;
};

inline const float* Floats(const Tensor& tensor) { return static_cast<const float*>(tensor.data); }

// hidden_states: every number of row r is identity[r] (0 for the empty prompt) + r / 10.
inline std::unique_ptr<Network> FakeTextEncoder() {
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"input_ids", DataType::kInt64, {-1, kRows}},
                              {"identity", DataType::kFloat32, {-1, 512}},
                              {"identity_position", DataType::kInt64, {-1}}},
      std::vector<TensorInfo>{{"hidden_states", DataType::kFloat32, {-1, kRows, kDimension}}},
      [](auto inputs, auto outputs, Interrupt&) {
        const float* identity = Floats(inputs[1]);
        float* hidden = static_cast<float*>(outputs[0].data);
        for (int64_t i = 0; i < kRows * kDimension; ++i) {
          hidden[i] = identity[i / kDimension] + static_cast<float>(i / kDimension) / 10;
        }
      });
}

// eps = tanh(sample / 2 + sin(timestep / 100) / 10 + the sum of the row's conditioning / 10)
inline std::unique_ptr<Network> FakeUnet(std::shared_ptr<Control> control) {
  std::vector<InputShapes> profiles;
  for (const int64_t rows : control->unet_rows) {
    profiles.push_back({{rows, kChannels, 4, 4}, {rows}, {rows, kRows, kDimension}});
  }
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"sample", DataType::kFloat32, {-1, kChannels, -1, -1}},
                              {"timestep", DataType::kFloat32, {-1}},
                              {"encoder_hidden_states", DataType::kFloat32, {-1, kRows, kDimension}}},
      std::vector<TensorInfo>{{"eps", DataType::kFloat32, {-1, kChannels, -1, -1}}},
      [control](auto inputs, auto outputs, Interrupt& interrupt) {
        {
          const std::lock_guard lock(control->mutex);
          control->unet_batches.push_back(inputs[0].shape[0]);
        }
        if (control->evaluations++ == control->fail_unet_at)
          throw Error(ErrorCode::kEngineFailed, "A fault on purpose.");
        control->unet_gate.Pass(interrupt);
        if (control->on_unet) control->on_unet(inputs);
        const int64_t elements = kChannels * inputs[0].shape[2] * inputs[0].shape[3];
        float* eps = static_cast<float*>(outputs[0].data);
        for (int64_t row = 0; row < inputs[0].shape[0]; ++row) {
          float shift = std::sin(Floats(inputs[1])[row] / 100) / 10;
          for (int64_t i = 0; i < kRows * kDimension; ++i) {
            shift += Floats(inputs[2])[row * kRows * kDimension + i] / 10;
          }
          for (int64_t i = row * elements; i < (row + 1) * elements; ++i) {
            eps[i] = std::tanh(Floats(inputs[0])[i] / 2 + shift);
          }
        }
      },
      profiles);
}

// Each pixel is its latent's first three channels.
inline std::unique_ptr<Network> FakeVaeDecoder() {
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"latents", DataType::kFloat32, {-1, kChannels, -1, -1}}},
      std::vector<TensorInfo>{{"image", DataType::kFloat32, {-1, 3, -1, -1}}},
      [](auto inputs, auto outputs, Interrupt&) {
        const int64_t height = inputs[0].shape[2], width = inputs[0].shape[3];
        float* image = static_cast<float*>(outputs[0].data);
        for (int64_t c = 0; c < 3; ++c) {
          for (int64_t y = 0; y < height * 8; ++y) {
            for (int64_t x = 0; x < width * 8; ++x) {
              *image++ = Floats(inputs[0])[(c * height + y / 8) * width + x / 8];
            }
          }
        }
      });
}

// mean: of each 8 x 8 pixels the first one's red, green, blue, and 0.25; deviation: a quarter of 1 + the mean.
inline std::unique_ptr<Network> FakeVaeEncoder(std::shared_ptr<Control> control = std::make_shared<Control>()) {
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"image", DataType::kFloat32, {-1, 3, -1, -1}}},
      std::vector<TensorInfo>{{"mean", DataType::kFloat32, {-1, kChannels, -1, -1}},
                              {"deviation", DataType::kFloat32, {-1, kChannels, -1, -1}}},
      [control](auto inputs, auto outputs, Interrupt& interrupt) {
        control->encoder_gate.Pass(interrupt);
        const int64_t height = outputs[0].shape[2], width = outputs[0].shape[3];
        float* mean = static_cast<float*>(outputs[0].data);
        float* deviation = static_cast<float*>(outputs[1].data);
        for (int64_t c = 0; c < kChannels; ++c) {
          for (int64_t y = 0; y < height; ++y) {
            for (int64_t x = 0; x < width; ++x) {
              *mean = c == 3 ? 0.25f : Floats(inputs[0])[(c * height * 8 + y * 8) * width * 8 + x * 8];
              *deviation++ = (1 + *mean++) / 4;
            }
          }
        }
      });
}

// SCRFD that finds nothing, built for photos of 64 x 64.
inline std::unique_ptr<Network> FakeDetector() {
  std::vector<TensorInfo> outputs;
  for (const int64_t channels : {1, 4, 10}) {
    for (int stride = 0; stride < 3; ++stride) outputs.push_back({"output", DataType::kFloat32, {-1, channels}});
  }
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"input", DataType::kFloat32, {1, 3, -1, -1}}}, outputs,
      [](auto, auto results, Interrupt&) {
        for (const Tensor& one : results) {
          std::fill_n(static_cast<float*>(one.data), one.shape[0] * one.shape[1], 0.0f);
        }
      },
      std::vector<InputShapes>{{{1, 3, 64, 64}}});
}

// ArcFace whose every number is the crop's first.
inline std::unique_ptr<Network> FakeRecognizer() {
  return std::make_unique<FakeNetwork>(std::vector<TensorInfo>{{"input", DataType::kFloat32, {1, 3, 112, 112}}},
                                       std::vector<TensorInfo>{{"output", DataType::kFloat32, {1, 512}}},
                                       [](auto inputs, auto outputs, Interrupt&) {
                                         std::fill_n(static_cast<float*>(outputs[0].data), 512, Floats(inputs[0])[0]);
                                       });
}

// The levels of the image's first pixel.
inline std::unique_ptr<Network> FakeInception(std::shared_ptr<Control> control) {
  return std::make_unique<FakeNetwork>(std::vector<TensorInfo>{{"image", DataType::kFloat32, {-1, 3, -1, -1}}},
                                       std::vector<TensorInfo>{{"features", DataType::kFloat32, {-1, 3}}},
                                       [control](auto inputs, auto outputs, Interrupt& interrupt) {
                                         control->judge_gate.Pass(interrupt);
                                         const int64_t pixels = inputs[0].shape[2] * inputs[0].shape[3];
                                         for (int64_t c = 0; c < 3; ++c) {
                                           static_cast<float*>(outputs[0].data)[c] = Floats(inputs[0])[c * pixels];
                                         }
                                       });
}

// How far the first image's first red level is above the second's.
inline std::unique_ptr<Network> FakeLpips() {
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"second", DataType::kFloat32, {-1, 3, -1, -1}},
                              {"first", DataType::kFloat32, {-1, 3, -1, -1}}},
      std::vector<TensorInfo>{{"distance", DataType::kFloat32, {-1}}}, [](auto inputs, auto outputs, Interrupt&) {
        *static_cast<float*>(outputs[0].data) = *Floats(inputs[1]) - *Floats(inputs[0]);
      });
}

// Another network, whose numbers Control makes not finite.
class SpoiledNetwork : public Network {
 public:
  SpoiledNetwork(std::unique_ptr<Network> network, std::shared_ptr<Control> control)
      : network_(std::move(network)), control_(std::move(control)) {}
  const std::vector<TensorInfo>& inputs() const noexcept override { return network_->inputs(); }
  const std::vector<TensorInfo>& outputs() const noexcept override { return network_->outputs(); }
  void Run(std::span<const Tensor> inputs, std::span<const Tensor> outputs, Stream& stream,
           Interrupt& interrupt) override {
    network_->Run(inputs, outputs, stream, interrupt);
    if (evaluations_++ < control_->spoiled_from) return;
    const Tensor& last = outputs.back();
    int64_t count = 1;
    for (const int64_t size : last.shape) count *= size;
    static_cast<float*>(last.data)[count - 1] = control_->spoiled_with;
  }
  std::optional<FaultyWeight> FindFaultyWeight() const override {
    if (control_->faulty_file.empty()) return std::nullopt;
    return FaultyWeight{"conv_out.weight", control_->faulty_file};
  }

 private:
  std::unique_ptr<Network> network_;
  std::shared_ptr<Control> control_;
  int evaluations_ = 0;
};

class FakeProvider : public Provider {
 public:
  explicit FakeProvider(std::shared_ptr<Control> control, size_t preferred_rows = 8)
      : control_(std::move(control)), preferred_rows_(preferred_rows) {}
  const char* name() const noexcept override { return "fake"; }
  std::string version() const override { return "1"; }
  size_t PreferredRows(int64_t, int64_t) const noexcept override { return preferred_rows_; }
  std::unique_ptr<Network> Load(const NetworkSource& source, Stream&, Interrupt&) override {
    auto network = Make(source);
    if (source.name == control_->spoiled) return std::make_unique<SpoiledNetwork>(std::move(network), control_);
    return network;
  }

 private:
  std::unique_ptr<Network> Make(const NetworkSource& source) {
    if (source.name == "detector") return FakeDetector();
    if (source.name == "recognizer") return FakeRecognizer();
    if (source.name == "inception") return FakeInception(control_);
    if (source.name == "lpips") return FakeLpips();
    if (source.name == "textEncoder") return FakeTextEncoder();
    if (source.name == "unet") return FakeUnet(control_);
    if (source.name == "vaeEncoder") return FakeVaeEncoder(control_);
    return FakeVaeDecoder();
  }

  std::shared_ptr<Control> control_;
  size_t preferred_rows_;
};

// A device on which allocation number `fail_at` (from 0) fails; otherwise the host. `asynchronous`: what it claims to
// be, so that each kind of work gets a thread.
class FailingDevice : public Device {
 public:
  explicit FailingDevice(bool asynchronous = false) : asynchronous_(asynchronous) {}
  const char* name() const noexcept override { return "failing"; }
  void MakeCurrent() override {}
  bool asynchronous() const noexcept override { return asynchronous_; }
  void* Allocate(size_t bytes) override {
    if (allocations_++ == fail_at) throw Error(ErrorCode::kOutOfMemory, "No memory on purpose.");
    return HostDevice().Allocate(bytes);
  }
  void Free(void* memory) noexcept override { HostDevice().Free(memory); }
  HostBytes AllocateHost(size_t bytes) override { return HostDevice().AllocateHost(bytes); }
  void Trim() noexcept override {}
  std::unique_ptr<Stream> MakeStream() override { return HostDevice().MakeStream(); }

  std::atomic<int> fail_at = -1;
  void Restart() { allocations_ = 0; }
  int allocations() const { return allocations_; }

 private:
  const bool asynchronous_;
  std::atomic<int> allocations_ = 0;
};

inline PipelineSource MakeSource(const std::shared_ptr<Control>& control, size_t preferred_rows = 8,
                                 bool reads_faces = false) {
  PipelineSource source;
  source.provider = std::make_shared<FakeProvider>(control, preferred_rows);
  for (const NetworkRow& row : kNetworks) {
    if (row.part == Part::kTinyAutoencoder || row.part == Part::kControl) continue;  // the VAE decodes, nothing steers
    if (reads_faces || IsNeeded(row.part) || row.part == Part::kVae) source.networks.emplace_back().name = row.name;
  }
  source.prompt = {{1, 2, 3}, {1, 3, 3}, 1};
  source.pixels_per_latent = 8;
  return source;
}

inline std::shared_ptr<Pipeline> MakePipeline(Device& device, const std::shared_ptr<Control>& control,
                                              size_t preferred_rows = 8, bool reads_faces = false) {
  Interrupt interrupt;
  return Pipeline::Load(device, MakeSource(control, preferred_rows, reads_faces), nullptr, interrupt);
}

// A plan of `steps` steps that uses history and, if `noisy`, draws noise.
inline Plan MakePlan(uint32_t steps, bool noisy) {
  Plan plan{{.latents = 0, .noise = 1.5f}, {}};
  for (uint32_t i = 0; i < steps; ++i) {
    PlanStep step{};
    step.timestep = 999.0f - 20.5f * static_cast<float>(i);
    step.input_scale = 1.0f / (1.0f + static_cast<float>(i));
    step.draws_noise = noisy ? 1 : 0;
    step.assignment_count = 2;
    step.assignments[0] = {kLatents, {0.9f, -0.3f, noisy ? 0.1f : 0.0f, i == 0 ? 0.0f : 0.2f, 0, 0, 0, 0}};
    step.assignments[1] = {kHistory, {0.0f, 1.0f, 0, 0, 0, 0, 0, 0}};
    plan.steps.push_back(step);
  }
  return plan;
}

inline GenerateRequest MakeRequest(uint64_t seed, uint32_t images, uint32_t steps, float guidance, bool noisy = false,
                                   int64_t side = 32) {
  GenerateRequest request{
      .embeddings = std::vector<float>(512, 0.1f),
      .identity_of_image = std::vector<uint32_t>(images, 0),
      .plan = MakePlan(steps, noisy),
      .guidance_scale = guidance,
      .seeds = {},
      .width = side,
      .height = side,
      .latents = {},
      .on_step = nullptr,
      .on_image = nullptr,
  };
  request.embeddings[0] = static_cast<float>(seed % 7);
  for (uint32_t i = 0; i < images; ++i) request.seeds.push_back(seed + i);
  return request;
}

// A photo of noise.
inline Photo MakePhoto(int width, int height, uint32_t seed) {
  const size_t bytes = 3 * static_cast<size_t>(width) * static_cast<size_t>(height);
  std::shared_ptr<uint8_t[]> data(new uint8_t[bytes]);
  for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>((i + seed) * 7919 % 251);
  return {data, width, height};
}

// The same request for images that begin as a photo of another size, with a mask: inpainting.
inline GenerateRequest Edited(GenerateRequest request, bool masked) {
  request.plan.start = {.latents = 0.8f, .noise = 0.6f};
  for (size_t i = 0; i < request.plan.steps.size(); ++i) {
    request.plan.steps[i].kept = {1 - 0.1f / static_cast<float>(i + 1), 0.3f / static_cast<float>(i + 1)};
  }
  request.edit = Edit{.photos = {MakePhoto(50, 20, 3)},
                      .masks = {},
                      .photo_of_image = std::vector<uint32_t>(request.identity_of_image.size(), 0),
                      .overlay = masked};
  if (masked) request.edit->masks = {MakePhoto(9, 70, 5)};
  return request;
}

// Starts a call of generate that settles with its images, in order.
inline std::shared_ptr<Call> Paint(Pipeline& pipeline, GenerateRequest request,
                                   std::function<void(Outcome<std::vector<Image>>)> done) {
  const auto images = std::make_shared<std::vector<Image>>(request.identity_of_image.size());
  request.on_image = [images](size_t index, Image image) { (*images)[index] = std::move(image); };
  return pipeline.Generate(std::move(request), [images, done = std::move(done)](Outcome<std::monostate> outcome) {
    if (const auto* error = std::get_if<1>(&outcome)) {
      done(Outcome<std::vector<Image>>(std::in_place_index<1>, *error));
    } else {
      done(Outcome<std::vector<Image>>(std::in_place_index<0>, std::move(*images)));
    }
  });
}

// A call's outcome, to wait for.
template <typename T>
class Result {
 public:
  std::function<void(Outcome<T>)> Done() {
    return [state = state_](Outcome<T> outcome) {
      const std::lock_guard lock(state->mutex);
      state->outcome = std::move(outcome);
      ++state->times;
      state->changed.notify_all();
    };
  }
  // The value; throws the call's failure.
  T Take() {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->outcome.has_value(); });
    if (auto* error = std::get_if<1>(&*state_->outcome)) std::rethrow_exception(*error);
    return std::move(std::get<0>(*state_->outcome));
  }
  // The code of the call's failure; fails the test if it succeeded.
  ErrorCode Code() {
    try {
      Take();
    } catch (const Error& error) {
      return error.code();
    }
    throw std::logic_error("The call succeeded.");
  }
  bool settled() {
    const std::lock_guard lock(state_->mutex);
    return state_->outcome.has_value();
  }
  int times() {
    const std::lock_guard lock(state_->mutex);
    return state_->times;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Outcome<T>> outcome;
    int times = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Waits until everything posted before has run.
inline void Drain(Device& device) {
  for (const Lane lane : kLanes) {
    std::promise<void> reached;
    ExecutorOf(device, lane).Post([&] { reached.set_value(); });
    reached.get_future().wait();
  }
}

// Waits until everything is freed.
inline void DisposeAndWait(Device& device, Pipeline& pipeline) {
  std::promise<void> given_back;
  pipeline.Dispose([&] { given_back.set_value(); });
  given_back.get_future().wait();
  Drain(device);  // the threads' last jobs still hold the pipeline
}

}  // namespace arc2face::testing
