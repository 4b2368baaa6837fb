#include "denoiser.h"

#include <algorithm>
#include <utility>

#include "../error.h"
#include "call.h"
#include "evaluate.h"

namespace arc2face {

struct Denoiser::Slot {
  std::shared_ptr<DenoiseRequest> request;
  // The plan in device memory; the images of a request share it.
  std::shared_ptr<DeviceBuffer<PlanStep>> plan;
  // Steps that the request's images have finished, shared by them: the slowest counts.
  std::shared_ptr<std::vector<uint32_t>> positions;
  size_t image;
  DeviceBuffer<float> registers;  // [kRegisters, elements]

  uint32_t& position() { return (*positions)[image]; }
  size_t rows() const { return request->unconditional == nullptr ? 1 : 2; }
};

// What one batch shape needs besides its slots, at addresses that stay, so that a device may capture the step.
struct Denoiser::Workspace {
  Workspace(Device& device, Stream& stream, const LatentSize& size, size_t rows, int64_t conditioning_rows,
            int64_t dimension)
      : stream(stream),
        table(device, rows),
        sample(device, rows * size.elements()),
        timesteps(device, rows),
        conditioning(device, rows * static_cast<size_t>(conditioning_rows * dimension)),
        eps(device, rows * size.elements()) {}
  ~Workspace() {
    for (size_t slots = 1; slots <= table.size(); ++slots) stream.Forget(Key(slots));
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Of a step with `slots` slots: the place of the last of them stands for the workspace and for their number.
  uint64_t Key(size_t slots) const noexcept { return reinterpret_cast<uintptr_t>(table.data() + slots - 1); }

  Stream& stream;
  DeviceBuffer<BatchSlot> table;  // at most one slot per row
  DeviceBuffer<float> sample, timesteps, conditioning, eps;
};

static int64_t DeclaredSize(const TensorInfo& info, size_t axis, size_t rank) {
  if (info.type != DataType::kFloat32 || info.shape.size() != rank || info.shape[axis] < 1) {
    throw Error(ErrorCode::kInvalidBundle, "Expected the UNet's input " + info.name + " to be float32 with " +
                                               std::to_string(rank) + " axes and a fixed size on axis " +
                                               std::to_string(axis) + ".");
  }
  return info.shape[axis];
}

Denoiser::Denoiser(Device& device, Stream& stream, const Provider& provider, std::unique_ptr<Network> unet,
                   int64_t conditioning_rows)
    : device_(device),
      stream_(stream),
      provider_(provider),
      unet_(std::move(unet)),
      latent_channels_(DeclaredSize(InputInfo(*unet_, "unet", "sample"), 1, 4)),
      conditioning_rows_(conditioning_rows),
      conditioning_dimension_(DeclaredSize(InputInfo(*unet_, "unet", "encoder_hidden_states"), 2, 3)) {}

Denoiser::~Denoiser() = default;

void Denoiser::Join(std::shared_ptr<DenoiseRequest> request) {
  const size_t elements = request->size.elements();
  const auto plan = std::make_shared<DeviceBuffer<PlanStep>>(device_, request->plan.size());
  stream_.Upload(plan->data(), request->plan.data(), plan->bytes());
  const auto positions = std::make_shared<std::vector<uint32_t>>(request->images(), 0);

  Batch joining;
  std::vector<float> latents(elements);
  for (size_t image = 0; image < request->images(); ++image) {
    DeviceBuffer<float> registers(device_, kRegisters * elements);
    // A history register's coefficient is 0 before its first value, but a device may still multiply: no stray NaN.
    stream_.Zero(registers.data(), registers.bytes());
    const float* noise =
        request->initial_noise.empty() ? request->noise.Next(image) : request->initial_noise.data() + image * elements;
    std::transform(noise, noise + elements, latents.begin(), [&](float n) { return n * request->initial_scale; });
    stream_.Upload(registers.data() + kLatents * elements, latents.data(), elements * sizeof(float));
    stream_.Synchronize();
    joining.push_back(std::make_unique<Slot>(Slot{request, plan, positions, image, std::move(registers)}));
  }
  std::move(joining.begin(), joining.end(), std::back_inserter(slots_));
}

bool Denoiser::Step() {
  DropAbandoned();
  if (slots_.empty()) {
    workspaces_.clear();
    return false;
  }
  Batch batch = TakeBatch();
  Interrupt interrupt;
  {
    std::vector<DenoiseRequest*> requests;
    for (const auto& slot : batch) requests.push_back(slot->request.get());
    const std::lock_guard lock(evaluation_mutex_);
    evaluation_ = {&interrupt, std::move(requests)};
  }
  // Whoever was abandoned between DropAbandoned and here has looked for an evaluation in vain.
  StopIfAbandoned();
  std::exception_ptr error;
  try {
    EvaluateBatch(batch, interrupt);
  } catch (...) {
    error = CurrentError();
  }
  {
    const std::lock_guard lock(evaluation_mutex_);
    evaluation_.reset();
  }
  if (error) {
    Fail(batch, error);
  } else {
    Return(std::move(batch));
  }
  return true;
}

void Denoiser::StopIfAbandoned() {
  const std::lock_guard lock(evaluation_mutex_);
  if (!evaluation_) return;
  const auto& requests = evaluation_->requests;
  if (std::all_of(requests.begin(), requests.end(),
                  [](const DenoiseRequest* request) { return request->abandoned(); })) {
    evaluation_->interrupt->Request();
  }
}

void Denoiser::DropAbandoned() {
  std::erase_if(slots_, [](const auto& slot) { return slot->request->abandoned(); });
}

// Slots of one latent size, in the order of waiting, as many as the provider likes in one evaluation.
Denoiser::Batch Denoiser::TakeBatch() {
  const LatentSize size = slots_.front()->request->size;
  const size_t capacity = std::max<size_t>(2, provider_.PreferredRows(size.height, size.width));
  Batch batch;
  size_t rows = 0;
  for (auto at = slots_.begin(); at != slots_.end();) {
    if ((*at)->request->size == size && rows + (*at)->rows() <= capacity) {
      rows += (*at)->rows();
      batch.push_back(std::move(*at));
      at = slots_.erase(at);
    } else {
      ++at;
    }
  }
  return batch;
}

Denoiser::Workspace& Denoiser::WorkspaceFor(const LatentSize& size, size_t rows) {
  auto& workspace = workspaces_[{size.height, size.width, rows}];
  if (!workspace) {
    workspace = std::make_unique<Workspace>(device_, stream_, size, rows, conditioning_rows_, conditioning_dimension_);
  }
  return *workspace;
}

void Denoiser::EvaluateBatch(Batch& batch, Interrupt& interrupt) {
  const LatentSize size = batch.front()->request->size;
  const size_t elements = size.elements();
  const size_t conditioning_size = static_cast<size_t>(conditioning_rows_ * conditioning_dimension_);
  size_t rows = 0;
  for (const auto& slot : batch) rows += slot->rows();
  Workspace& workspace = WorkspaceFor(size, rows);

  std::vector<BatchSlot> table;
  size_t row = 0;
  const auto next_row = [&](const float* conditioning) {
    stream_.Copy(workspace.conditioning.data() + row * conditioning_size, conditioning,
                 conditioning_size * sizeof(float));
    return row++;
  };
  for (const auto& slot : batch) {
    DenoiseRequest& request = *slot->request;
    if (request.plan[slot->position()].draws_noise) {
      stream_.Upload(slot->registers.data() + kNoise * elements, request.noise.Next(slot->image),
                     elements * sizeof(float));
      stream_.Synchronize();
    }
    table.push_back({
        .registers = slot->registers.data(),
        .plan = slot->plan->data(),
        .position = slot->position(),
        .conditional_row = static_cast<uint32_t>(next_row(request.conditioning[slot->image])),
        .unconditional_row =
            request.unconditional == nullptr ? -1 : static_cast<int32_t>(next_row(request.unconditional)),
        .guidance_scale = request.guidance_scale,
    });
  }
  stream_.Upload(workspace.table.data(), table.data(), table.size() * sizeof(BatchSlot));

  stream_.Replay(workspace.Key(table.size()), [&] {
    const int64_t n = static_cast<int64_t>(rows);
    stream_.GatherRows(workspace.table.data(), table.size(), elements, workspace.sample.data(),
                       workspace.timesteps.data());
    Evaluate(*unet_,
             {{"sample", Float32({n, size.channels, size.height, size.width}, workspace.sample.data())},
              {"timestep", Float32({n}, workspace.timesteps.data())},
              {"encoder_hidden_states",
               Float32({n, conditioning_rows_, conditioning_dimension_}, workspace.conditioning.data())}},
             {{"eps", Float32({n, size.channels, size.height, size.width}, workspace.eps.data())}}, stream_, interrupt);
    stream_.ApplyStep(workspace.table.data(), table.size(), elements, workspace.eps.data());
  });
  stream_.Synchronize();
}

// After an evaluation: progress, finished images out, the others to the end of the line.
void Denoiser::Return(Batch batch) {
  for (auto& slot : batch) {
    DenoiseRequest& request = *slot->request;
    const uint32_t slowest_before = *std::min_element(slot->positions->begin(), slot->positions->end());
    ++slot->position();
    const uint32_t slowest = *std::min_element(slot->positions->begin(), slot->positions->end());
    if (request.abandoned()) continue;
    if (slowest != slowest_before) request.on_step(slowest);
    if (slot->position() < request.plan.size()) {
      slots_.push_back(std::move(slot));
      continue;
    }
    try {
      const size_t elements = request.size.elements();
      DeviceBuffer<float> latents(device_, elements);
      stream_.Copy(latents.data(), slot->registers.data() + kLatents * elements, latents.bytes());
      stream_.Synchronize();
      request.on_latents(slot->image, std::move(latents));
    } catch (...) {
      request.on_failure(CurrentError());
    }
  }
}

// An interrupted evaluation has only abandoned requests in it; they know already.
void Denoiser::Fail(Batch& batch, const std::exception_ptr& error) {
  for (const auto& slot : batch) {
    if (!slot->request->abandoned()) slot->request->on_failure(error);
  }
}

}  // namespace arc2face
