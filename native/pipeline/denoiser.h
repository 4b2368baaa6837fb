// Noise -> latents: the images being denoised, each in a slot of its own, sharing the UNet's batches step by step
// (design D4).
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <vector>

#include "../diffusion/noise_source.h"
#include "../diffusion/step.h"
#include "../provider/provider.h"

namespace arc2face {

struct LatentSize {
  int64_t channels, height, width;
  size_t elements() const noexcept { return static_cast<size_t>(channels * height * width); }
  bool operator==(const LatentSize&) const = default;
};

// Images that are denoised with one plan. The callbacks come on the thread that calls Step.
struct DenoiseRequest {
  LatentSize size;
  std::vector<PlanStep> plan;
  float initial_scale;
  float guidance_scale;
  NoiseSource noise;
  std::vector<float> initial_noise;        // [images, elements]; empty: the first draw of `noise`
  std::vector<const float*> conditioning;  // per image, [rows, dimension] in device memory that the callbacks keep
  const float* unconditional;              // [rows, dimension] in device memory; null: no guidance

  std::function<void(uint32_t step)> on_step;                                 // all images have finished `step`, from 1
  std::function<void(size_t image, DeviceBuffer<float> latents)> on_latents;  // [elements] of a finished image
  std::function<void(std::exception_ptr)> on_failure;                         // nothing follows

  // True when nothing of the request is wanted any more. Asked from any thread; once true it stays true, and a failure
  // makes it so. Whoever abandons a request calls Denoiser::StopIfAbandoned.
  std::function<bool()> abandoned;

  size_t images() const noexcept { return conditioning.size(); }
};

class Denoiser {
 public:
  // Throws kInvalidBundle when the network has not the interface of models/unet.ts.
  Denoiser(Device& device, Stream& stream, const Provider& provider, std::unique_ptr<Network> unet,
           int64_t conditioning_rows);
  ~Denoiser();

  int64_t latent_channels() const noexcept { return latent_channels_; }
  int64_t conditioning_dimension() const noexcept { return conditioning_dimension_; }

  // Gives each image a slot; the next Step includes them. Throws kOutOfMemory.
  void Join(std::shared_ptr<DenoiseRequest> request);

  // One UNet evaluation over the slots that have waited longest, and their step. False when no slot is left.
  // What goes wrong goes to the requests that it concerns; the others go on.
  bool Step();

  // Ends the evaluation in progress if every request in it is abandoned. Any thread.
  void StopIfAbandoned();

 private:
  struct Slot;
  struct Workspace;
  using Batch = std::vector<std::unique_ptr<Slot>>;

  Batch TakeBatch();
  Workspace& WorkspaceFor(const LatentSize& size, size_t rows);
  void EvaluateBatch(Batch& batch, Interrupt& interrupt);
  void DropAbandoned();
  void Return(Batch batch);
  void Fail(Batch& batch, const std::exception_ptr& error);

  Device& device_;
  Stream& stream_;
  const Provider& provider_;
  std::unique_ptr<Network> unet_;
  int64_t latent_channels_;
  int64_t conditioning_rows_;
  int64_t conditioning_dimension_;
  std::deque<std::unique_ptr<Slot>> slots_;  // the one that has waited longest first
  std::map<std::tuple<int64_t, int64_t, size_t>, std::unique_ptr<Workspace>> workspaces_;

  // The evaluation in progress, for StopIfAbandoned.
  struct Evaluation {
    Interrupt* interrupt;
    std::vector<DenoiseRequest*> requests;
  };
  std::mutex evaluation_mutex_;
  std::optional<Evaluation> evaluation_;
};

}  // namespace arc2face
