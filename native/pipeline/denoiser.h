// Noise -> latents: the images being denoised, each in a slot of its own, sharing the noise predictor's batches step by
// step.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "../device/device.h"
#include "../operations/diffusion/noise_source.h"
#include "../operations/diffusion/step.h"
#include "noise_predictor.h"
#include "usage.h"

namespace arc2face {

// Images denoised with one plan. Callbacks come on the thread that calls Step.
struct DenoiseRequest {
  LatentSize size;
  Plan plan;
  float guidance_scale;
  std::vector<uint8_t> guided = {};  // for each step 1, or 0: no unconditional half; empty: 1
  NoiseSource noise;
  std::vector<float> initial_noise;  // [images, elements]; empty: the first draw of `noise`
  std::vector<float> photos = {};    // their latents, [images, elements]; empty: the plan's start has none
  std::vector<float> masks = {};     // of each image, as BatchSlot::kept has it; empty: all is painted
  // In device memory that the callbacks keep alive.
  std::vector<RowConditioning> conditioning;     // per image
  std::optional<RowConditioning> unconditional;  // none: no guidance

  std::function<void(uint32_t step)> on_step;  // all images have finished `step`, counted from 1
  // The latents that an image is expected to have in the end, after each `step` whose plan shows them (see Shows),
  // counted from 1: [elements], with what a mask keeps.
  std::function<void(size_t image, uint32_t step, std::vector<float> latents)> on_preview = nullptr;
  // A finished image: its latents are the first [elements] of the buffer. No queued work uses it.
  std::function<void(size_t image, DeviceBuffer<float> latents)> on_latents;
  std::function<void(std::exception_ptr)> on_failure;  // no callback follows

  // True when the request is not wanted any more. Called from any thread; once true it stays true, and a failure
  // makes it so. Whoever abandons a request calls Denoiser::StopIfAbandoned.
  std::function<bool()> abandoned;

  size_t images() const noexcept { return conditioning.size(); }
};

class Denoiser {
 public:
  // `usage`: told of every evaluation that was queued.
  Denoiser(Device& device, Stream& stream, std::unique_ptr<NoisePredictor> predictor, UsageCounter& usage);
  ~Denoiser();

  // Gives each image a slot; the next Step includes them. Throws kOutOfMemory.
  void Join(std::shared_ptr<DenoiseRequest> request);

  // Queues one evaluation over the slots that have waited longest, and their step; then waits until all but the
  // last queued evaluation are done, or all if the device is not asynchronous. False when no slot
  // is left. Failures go to the requests that they concern; the others continue. Throws when memory for that is
  // lacking: then FailAll.
  bool Step();

  // Fails every request; those that join later are not concerned.
  void FailAll(const std::exception_ptr& error) noexcept;

  // Ends the evaluation in progress if every request in it is abandoned. Any thread.
  void StopIfAbandoned();

 private:
  struct Slot;
  struct Workspace;
  struct Evaluation;
  using Batch = std::vector<std::shared_ptr<Slot>>;

  void DropAbandoned();
  Batch TakeBatch();
  Workspace& WorkspaceFor(const LatentSize& size, size_t rows);
  void Start(Batch batch);
  void Queue(Evaluation& evaluation, Interrupt& interrupt);
  void Place(Evaluation& evaluation, Workspace& workspace);
  void UploadNoise(Evaluation& evaluation);
  void QueueChecks(Evaluation& evaluation);
  void QueuePreviews(Evaluation& evaluation);
  void Finish(Evaluation evaluation);
  void ForgetPlaced() noexcept;
  void Fail(const Batch& batch, const std::exception_ptr& error);

  Device& device_;
  Stream& stream_;
  std::unique_ptr<NoisePredictor> predictor_;
  UsageCounter& usage_;
  uint64_t next_slot_ = 0;
  std::vector<std::shared_ptr<DenoiseRequest>> requests_;  // of which images are left
  std::deque<std::shared_ptr<Slot>> slots_;                // longest waiting first
  std::map<std::tuple<int64_t, int64_t, size_t>, std::unique_ptr<Workspace>> workspaces_;
  std::deque<Evaluation> evaluations_;  // queued, in order

  // What is being queued, for StopIfAbandoned: on the host, the network runs meanwhile.
  struct InProgress {
    Interrupt* interrupt;
    std::vector<DenoiseRequest*> requests;
  };
  std::mutex in_progress_mutex_;
  std::optional<InProgress> in_progress_;
};

}  // namespace arc2face
