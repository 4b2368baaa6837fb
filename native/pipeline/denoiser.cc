#include "denoiser.h"

#include <algorithm>
#include <utility>

#include "../device/sync_on_error.h"
#include "../error.h"
#include "call.h"
#include "evaluate.h"
#include "network_buffer.h"

namespace arc2face {

static constexpr char kName[] = "unet";

struct Denoiser::Slot {
  uint64_t number;  // that no other slot has had
  std::shared_ptr<DenoiseRequest> request;
  // The plan in device memory; the images of a request share it.
  std::shared_ptr<DeviceBuffer<PlanStep>> plan;
  // Steps that the request's images have finished, shared by them: the slowest counts.
  std::shared_ptr<std::vector<uint32_t>> finished;
  size_t image;
  DeviceBuffer<float> registers;  // [kRegisters, elements]
  uint32_t position = 0;          // step that the next evaluation is; those before it are queued

  size_t rows() const { return request->unconditional == nullptr ? 1 : 2; }
  bool at_end() const { return position == request->plan.size(); }
};

// What one batch shape needs besides its slots, at addresses that stay, so that a device may capture the step.
struct Denoiser::Workspace {
  Workspace(Denoiser& owner, const LatentSize& size, size_t rows)
      : stream(owner.stream_),
        rows(rows),
        table(owner.device_, rows),
        sample(owner.device_, owner.sample_type_, rows * size.elements()),
        timesteps(owner.device_, rows),
        conditioning(owner.device_, owner.conditioning_type_,
                     rows * static_cast<size_t>(owner.conditioning_rows_ * owner.conditioning_dimension_)),
        eps(owner.device_, owner.eps_type_, rows * size.elements()) {}
  ~Workspace() { stream.Forget(key()); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Of the step, whatever slots it has.
  uint64_t key() const noexcept { return reinterpret_cast<uintptr_t>(table.data()); }

  Stream& stream;
  size_t rows;
  DeviceBuffer<BatchSlot> table;  // at most one slot per row
  NetworkBuffer sample;
  DeviceBuffer<float> timesteps;
  NetworkBuffer conditioning, eps;

  // What the table and the conditioning are for: numbers of slots, and their positions, which the device advances.
  std::vector<std::pair<uint64_t, uint32_t>> placed;
};

// On its way.
struct Denoiser::Evaluation {
  Batch batch;
  // What is uploaded, until the work is done.
  std::vector<BatchSlot> table;
  HostBytes noise;
  std::unique_ptr<Event> done;
};

static int64_t DeclaredSize(const TensorInfo& info, size_t axis, size_t rank) {
  if (info.shape.size() != rank || info.shape[axis] < 1) {
    throw Error(ErrorCode::kInvalidBundle, "Expected the UNet's input " + info.name + " to have " +
                                               std::to_string(rank) + " axes and a fixed size on axis " +
                                               std::to_string(axis) + ".");
  }
  return info.shape[axis];
}

static Denoiser::Batches ReadBatches(const Network& unet, int64_t conditioning_rows) {
  const size_t sample = InputIndex(unet, kName, "sample");
  const size_t conditioning = InputIndex(unet, kName, "encoder_hidden_states");
  Denoiser::Batches batches;
  for (const InputShapes& shapes : unet.profiles()) {
    if (shapes[conditioning][1] != conditioning_rows) continue;
    batches[{shapes[sample][2], shapes[sample][3]}].push_back(static_cast<size_t>(shapes[sample][0]));
  }
  if (batches.empty() && !unet.profiles().empty()) {
    throw Error(ErrorCode::kInvalidBundle, "Expected the UNet's engine to take " + std::to_string(conditioning_rows) +
                                               " tokens, as the prompt has, but it takes others.");
  }
  for (auto& [size, rows] : batches) std::sort(rows.begin(), rows.end());
  return batches;
}

Denoiser::Denoiser(Device& device, Stream& stream, const Provider& provider, std::unique_ptr<Network> unet,
                   int64_t conditioning_rows)
    : device_(device),
      stream_(stream),
      provider_(provider),
      unet_(std::move(unet)),
      latent_channels_(DeclaredSize(InputInfo(*unet_, kName, "sample"), 1, 4)),
      conditioning_rows_(conditioning_rows),
      conditioning_dimension_(DeclaredSize(InputInfo(*unet_, kName, "encoder_hidden_states"), 2, 3)),
      sample_type_(FloatType(InputInfo(*unet_, kName, "sample"), kName)),
      conditioning_type_(FloatType(InputInfo(*unet_, kName, "encoder_hidden_states"), kName)),
      eps_type_(FloatType(OutputInfo(*unet_, kName, "eps"), kName)),
      batches_(ReadBatches(*unet_, conditioning_rows)) {}

Denoiser::~Denoiser() = default;

void Denoiser::Join(std::shared_ptr<DenoiseRequest> request) {
  const size_t elements = request->size.elements();
  std::vector<float> latents(request->images() * elements);
  const SyncOnError sync(stream_);
  const auto plan = std::make_shared<DeviceBuffer<PlanStep>>(device_, request->plan.size());
  stream_.Upload(plan->data(), request->plan.data(), plan->bytes());
  const auto finished = std::make_shared<std::vector<uint32_t>>(request->images(), 0);

  Batch joining;
  for (size_t image = 0; image < request->images(); ++image) {
    DeviceBuffer<float> registers(device_, kRegisters * elements);
    // A history register's coefficient is 0 before its first value, but a device may still multiply: no stray NaN.
    stream_.Zero(registers.data(), registers.bytes());
    const float* noise =
        request->initial_noise.empty() ? request->noise.Next(image) : request->initial_noise.data() + image * elements;
    float* const scaled = latents.data() + image * elements;
    std::transform(noise, noise + elements, scaled, [&](float n) { return n * request->initial_scale; });
    stream_.Upload(registers.data() + kLatents * elements, scaled, elements * sizeof(float));
    joining.push_back(std::make_shared<Slot>(Slot{next_slot_++, request, plan, finished, image, std::move(registers)}));
  }
  stream_.Synchronize();
  std::move(joining.begin(), joining.end(), std::back_inserter(slots_));
}

bool Denoiser::Step() {
  DropAbandoned();
  if (!slots_.empty()) Start(TakeBatch());
  // With one more evaluation in its queue, a device that works by itself need not wait for this thread.
  const size_t ahead = device_.asynchronous() && !slots_.empty() ? 1 : 0;
  while (evaluations_.size() > ahead) {
    Evaluation evaluation = std::move(evaluations_.front());
    evaluations_.pop_front();
    Finish(std::move(evaluation));
  }
  if (!slots_.empty() || !evaluations_.empty()) return true;
  // A network that runs any shape would leave one behind for each that it was given.
  if (batches_.empty()) workspaces_.clear();
  return false;
}

void Denoiser::StopIfAbandoned() {
  const std::lock_guard lock(in_progress_mutex_);
  if (!in_progress_) return;
  const auto& requests = in_progress_->requests;
  if (std::all_of(requests.begin(), requests.end(),
                  [](const DenoiseRequest* request) { return request->abandoned(); })) {
    in_progress_->interrupt->Request();
  }
}

void Denoiser::DropAbandoned() {
  std::erase_if(slots_, [](const auto& slot) { return slot->request->abandoned(); });
}

// Slots of one latent size, in the order of waiting, as many as fit in one evaluation.
Denoiser::Batch Denoiser::TakeBatch() {
  const LatentSize size = slots_.front()->request->size;
  const size_t capacity = Capacity(size);
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

size_t Denoiser::Capacity(const LatentSize& size) const {
  const size_t preferred = std::max<size_t>(2, provider_.PreferredRows(size.height, size.width));
  const auto found = batches_.find({size.height, size.width});
  if (found == batches_.end()) return preferred;
  const auto& rows = found->second;
  const auto above = std::upper_bound(rows.begin(), rows.end(), preferred);
  return above == rows.begin() ? rows.front() : *std::prev(above);
}

// To the rows of a batch that the network runs.
size_t Denoiser::RoundUp(const LatentSize& size, size_t rows) const {
  const auto found = batches_.find({size.height, size.width});
  return found == batches_.end() ? rows : *std::lower_bound(found->second.begin(), found->second.end(), rows);
}

Denoiser::Workspace& Denoiser::WorkspaceFor(const LatentSize& size, size_t rows) {
  auto& workspace = workspaces_[{size.height, size.width, rows}];
  if (!workspace) workspace = std::make_unique<Workspace>(*this, size, rows);
  return *workspace;
}

void Denoiser::Start(Batch batch) {
  Evaluation evaluation{.batch = std::move(batch), .table = {}, .noise = nullptr, .done = nullptr};
  Interrupt interrupt;
  {
    std::vector<DenoiseRequest*> requests;
    for (const auto& slot : evaluation.batch) requests.push_back(slot->request.get());
    const std::lock_guard lock(in_progress_mutex_);
    in_progress_ = {&interrupt, std::move(requests)};
  }
  // Whoever was abandoned between DropAbandoned and here has looked for an evaluation in vain.
  StopIfAbandoned();
  std::exception_ptr error;
  try {
    const SyncOnError sync(stream_);
    Queue(evaluation, interrupt);
  } catch (...) {
    error = CurrentError();
  }
  {
    const std::lock_guard lock(in_progress_mutex_);
    in_progress_.reset();
  }
  if (error) {
    Fail(evaluation.batch, error);
    return;
  }
  for (const auto& slot : evaluation.batch) {
    ++slot->position;
    if (!slot->at_end()) slots_.push_back(slot);
  }
  evaluations_.push_back(std::move(evaluation));
}

void Denoiser::Queue(Evaluation& evaluation, Interrupt& interrupt) {
  const LatentSize size = evaluation.batch.front()->request->size;
  size_t rows = 0;
  for (const auto& slot : evaluation.batch) rows += slot->rows();
  Workspace& workspace = WorkspaceFor(size, RoundUp(size, rows));
  Place(evaluation, workspace);
  UploadNoise(evaluation);

  stream_.Replay(workspace.key(), [&] {
    const size_t elements = size.elements();
    const auto n = static_cast<int64_t>(workspace.rows);
    const std::vector<int64_t> latents = {n, size.channels, size.height, size.width};
    GatherRows(stream_, workspace.table.data(), workspace.rows, elements, workspace.sample.floats(),
               workspace.timesteps.data());
    Evaluate(*unet_,
             {{"sample", workspace.sample.As(latents)},
              {"timestep", Float32({n}, workspace.timesteps.data())},
              {"encoder_hidden_states", workspace.conditioning.As({n, conditioning_rows_, conditioning_dimension_})}},
             {{"eps", workspace.eps.As(latents)}}, stream_, interrupt);
    ApplyStep(stream_, workspace.table.data(), workspace.rows, elements, workspace.eps.const_floats());
  });
  for (auto& [slot, position] : workspace.placed) ++position;
  evaluation.done = stream_.Record();
}

// Fills the workspace's table and conditioning, unless they are for this very step: then the device has everything.
void Denoiser::Place(Evaluation& evaluation, Workspace& workspace) {
  std::vector<std::pair<uint64_t, uint32_t>> placed;
  for (const auto& slot : evaluation.batch) placed.emplace_back(slot->number, slot->position);
  if (placed == workspace.placed) return;
  workspace.placed.clear();  // until all is in its place

  const size_t row_bytes = workspace.conditioning.bytes() / workspace.rows;
  size_t rows = 0;
  const auto next_row = [&](const std::byte* conditioning) {
    stream_.Copy(workspace.conditioning.data() + rows * row_bytes, conditioning, row_bytes);
    return rows++;
  };
  for (const auto& slot : evaluation.batch) {
    const DenoiseRequest& request = *slot->request;
    evaluation.table.push_back({
        .registers = slot->registers.data(),
        .plan = slot->plan->data(),
        .position = slot->position,
        .conditional_row = static_cast<uint32_t>(next_row(request.conditioning[slot->image])),
        .unconditional_row =
            request.unconditional == nullptr ? -1 : static_cast<int32_t>(next_row(request.unconditional)),
        .guidance_scale = request.guidance_scale,
    });
  }
  evaluation.table.resize(workspace.rows, BatchSlot{});
  stream_.Upload(workspace.table.data(), evaluation.table.data(), workspace.table.bytes());

  // The rows that no slot has hold zeros: what was there before could be anything.
  const auto clear = [&](std::byte* memory, size_t bytes) {
    const size_t used = bytes / workspace.rows * rows;
    stream_.Zero(memory + used, bytes - used);
  };
  clear(workspace.sample.data(), workspace.sample.bytes());
  clear(reinterpret_cast<std::byte*>(workspace.timesteps.data()), workspace.timesteps.bytes());
  clear(workspace.conditioning.data(), workspace.conditioning.bytes());
  workspace.placed = std::move(placed);
}

void Denoiser::UploadNoise(Evaluation& evaluation) {
  const size_t elements = evaluation.batch.front()->request->size.elements();
  const auto draws = [](const auto& slot) { return slot->request->plan[slot->position].draws_noise != 0; };
  const auto& batch = evaluation.batch;
  const auto count = static_cast<size_t>(std::count_if(batch.begin(), batch.end(), draws));
  if (count == 0) return;
  evaluation.noise = device_.AllocateHost(count * elements * sizeof(float));
  auto* noise = reinterpret_cast<float*>(evaluation.noise.get());
  for (const auto& slot : batch) {
    if (!draws(slot)) continue;
    std::copy_n(slot->request->noise.Next(slot->image), elements, noise);
    stream_.Upload(slot->registers.data() + kNoise * elements, noise, elements * sizeof(float));
    noise += elements;
  }
}

// Waits for the evaluation; then progress, and finished images out.
void Denoiser::Finish(Evaluation evaluation) {
  try {
    const SyncOnError sync(stream_);
    evaluation.done->Await();
  } catch (...) {
    Fail(evaluation.batch, CurrentError());
    return;
  }
  for (const auto& slot : evaluation.batch) {
    DenoiseRequest& request = *slot->request;
    const uint32_t slowest_before = *std::min_element(slot->finished->begin(), slot->finished->end());
    const uint32_t steps = ++(*slot->finished)[slot->image];
    const uint32_t slowest = *std::min_element(slot->finished->begin(), slot->finished->end());
    if (request.abandoned()) continue;
    if (slowest != slowest_before) request.on_step(slowest);
    if (steps < request.plan.size()) continue;
    static_assert(kLatents == 0, "the latents are at the start of the registers");
    try {
      request.on_latents(slot->image, std::move(slot->registers));
    } catch (...) {
      request.on_failure(CurrentError());
    }
  }
}

// An interrupted evaluation has only abandoned requests in it; they know already.
void Denoiser::Fail(const Batch& batch, const std::exception_ptr& error) {
  // How far the device came with its positions is not known.
  for (auto& [size, workspace] : workspaces_) {
    if (workspace) workspace->placed.clear();
  }
  for (const auto& slot : batch) {
    if (!slot->request->abandoned()) slot->request->on_failure(error);
  }
}

}  // namespace arc2face
