// Noise -> latents.
#include "denoiser.h"

#include <algorithm>
#include <set>
#include <utility>

#include "../device/sync_on_error.h"
#include "../error.h"
#include "call.h"
#include "finite_check.h"

namespace arc2face {

struct Denoiser::Slot {
  uint64_t number;  // never used by another slot
  std::shared_ptr<DenoiseRequest> request;
  // The plan in device memory; the images of a request share it.
  std::shared_ptr<DeviceBuffer<PlanStep>> plan;
  // Steps finished by the request's images, shared by them: the slowest counts.
  std::shared_ptr<std::vector<uint32_t>> finished;
  size_t image;
  DeviceBuffer<float> registers;  // [kRegisters, elements]
  DeviceBuffer<float> kept;       // [kKeptRows, elements], or empty
  FiniteCheck check;
  uint32_t position = 0;  // step of the next evaluation; those before it are queued

  // Of the next evaluation.
  bool guided() const { return request->unconditional && (request->guided.empty() || request->guided[position] != 0); }
  size_t rows() const { return guided() ? 2 : 1; }
  const RowConditioning& conditioning() const { return request->conditioning[image]; }
  bool at_end() const { return position == request->plan.steps.size(); }
};

// What one batch shape needs besides its slots, at addresses that stay, so that a device may capture the step.
struct Denoiser::Workspace {
  Workspace(Denoiser& owner, const LatentSize& size, size_t rows)
      : stream(owner.stream_), rows(rows), table(owner.device_, rows), batch(owner.predictor_->MakeBatch(size, rows)) {}
  ~Workspace() {
    for (const uint64_t key : keys) stream.Forget(key);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // The step's, whatever its slots: of the kind that the batch is of.
  uint64_t key() {
    static_assert(PredictorBatch::kKinds <= 256, "device memory is aligned to 256 bytes");
    const uint64_t key = reinterpret_cast<uintptr_t>(table.data()) + batch->kind();
    keys.insert(key);
    return key;
  }

  Stream& stream;
  size_t rows;
  DeviceBuffer<BatchSlot> table;  // at most one slot per row
  std::unique_ptr<PredictorBatch> batch;

  // What the table and the batch's conditioning hold. The device advances the positions.
  struct Placed {
    uint64_t slot;
    uint32_t position;
    bool guided;
    bool operator==(const Placed&) const = default;
  };
  std::vector<Placed> placed;
  std::set<uint64_t> keys;  // that steps were replayed with
};

// In progress.
struct Denoiser::Evaluation {
  Batch batch;
  // Kept for the upload until the work is done.
  std::vector<BatchSlot> table;
  HostBytes noise;
  HostBytes previews = nullptr;  // [slots whose step shows them, elements]
  std::unique_ptr<Event> done = nullptr;
};

Denoiser::Denoiser(Device& device, Stream& stream, std::unique_ptr<NoisePredictor> predictor, UsageCounter& usage)
    : device_(device), stream_(stream), predictor_(std::move(predictor)), usage_(usage) {}

Denoiser::~Denoiser() = default;

void Denoiser::Join(std::shared_ptr<DenoiseRequest> request) {
  const size_t elements = request->size.elements();
  std::vector<float> latents(request->images() * elements);
  std::vector<float> kept(request->masks.size() * kKeptRows);
  const SyncOnError sync(stream_);
  const auto plan = std::make_shared<DeviceBuffer<PlanStep>>(device_, request->plan.steps.size());
  stream_.Upload(plan->data(), request->plan.steps.data(), plan->bytes());
  const auto finished = std::make_shared<std::vector<uint32_t>>(request->images(), 0);

  Batch joining;
  for (size_t image = 0; image < request->images(); ++image) {
    DeviceBuffer<float> registers(device_, kRegisters * elements);
    // A history register's coefficient is 0 before its first value, but a device may still multiply: no stray NaN.
    stream_.Zero(registers.data(), registers.bytes());
    const float* noise =
        request->initial_noise.empty() ? request->noise.Next(image) : request->initial_noise.data() + image * elements;
    const float* const photo = request->photos.empty() ? nullptr : request->photos.data() + image * elements;
    float* const start = latents.data() + image * elements;
    for (size_t i = 0; i < elements; ++i) {
      start[i] = Mix(request->plan.start, photo == nullptr ? 0 : photo[i], noise[i]);
    }
    stream_.Upload(registers.data() + kLatents * elements, start, elements * sizeof(float));
    DeviceBuffer<float> kept_memory;
    if (!kept.empty()) {
      float* const rows = kept.data() + image * kKeptRows * elements;
      std::copy_n(photo, elements, rows);
      std::copy_n(noise, elements, rows + elements);
      std::copy_n(request->masks.data() + image * elements, elements, rows + 2 * elements);
      kept_memory = DeviceBuffer<float>(device_, kKeptRows * elements);
      stream_.Upload(kept_memory.data(), rows, kept_memory.bytes());
    }
    joining.push_back(std::make_shared<Slot>(Slot{next_slot_++, request, plan, finished, image, std::move(registers),
                                                  std::move(kept_memory), FiniteCheck(device_, stream_)}));
  }
  stream_.Synchronize();
  slots_.insert(slots_.end(), joining.begin(), joining.end());
  requests_.push_back(std::move(request));
}

bool Denoiser::Step() {
  DropAbandoned();
  if (!slots_.empty()) Start(TakeBatch());
  // With one more evaluation queued, an asynchronous device need not wait for this thread.
  const size_t ahead = device_.asynchronous() && !slots_.empty() ? 1 : 0;
  while (evaluations_.size() > ahead) {
    Evaluation evaluation = std::move(evaluations_.front());
    evaluations_.pop_front();
    Finish(std::move(evaluation));
  }
  std::erase_if(requests_, [](const auto& request) { return request.use_count() == 1; });  // no slot has them
  if (!slots_.empty() || !evaluations_.empty()) return true;
  // A predictor that runs any shape would leave one behind for each that it ran.
  if (predictor_->batch_sizes().built().empty()) workspaces_.clear();
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

void Denoiser::FailAll(const std::exception_ptr& error) noexcept {
  const auto whatever_happens = [](const auto& work) {
    try {
      work();
    } catch (...) {
      // Memory may be lacking even for this answer; the others are to get theirs.
    }
  };
  for (const auto& request : requests_) {
    whatever_happens([&] {
      if (!request->abandoned()) request->on_failure(error);
    });
  }
  whatever_happens([&] { stream_.Synchronize(); });  // failed work does nothing more
  ForgetPlaced();
  evaluations_.clear();
  slots_.clear();
  requests_.clear();
}

// Slots of one latent size, longest waiting first, as many as fit in one evaluation. Those of a request stay in order,
// however many rows each needs: none has a step before all have had the one before, as NoiseSource demands.
Denoiser::Batch Denoiser::TakeBatch() {
  const LatentSize size = slots_.front()->request->size;
  const size_t capacity = predictor_->batch_sizes().Capacity(size);
  Batch batch;
  size_t rows = 0;
  std::set<const DenoiseRequest*> passed_over;
  for (auto at = slots_.begin(); at != slots_.end();) {
    const DenoiseRequest* const request = (*at)->request.get();
    const bool fits = request->size == size && rows + (*at)->rows() <= capacity;
    if (fits && !passed_over.contains(request)) {
      rows += (*at)->rows();
      batch.push_back(std::move(*at));
      at = slots_.erase(at);
    } else {
      passed_over.insert(request);
      ++at;
    }
  }
  std::stable_partition(batch.begin(), batch.end(),
                        [](const auto& slot) { return slot->conditioning().comes_first(); });
  return batch;
}

Denoiser::Workspace& Denoiser::WorkspaceFor(const LatentSize& size, size_t rows) {
  auto& workspace = workspaces_[{size.height, size.width, rows}];
  if (!workspace) workspace = std::make_unique<Workspace>(*this, size, rows);
  return *workspace;
}

void Denoiser::Start(Batch batch) {
  Evaluation evaluation{.batch = std::move(batch), .table = {}, .noise = nullptr};
  Interrupt interrupt;
  {
    std::vector<DenoiseRequest*> requests;
    for (const auto& slot : evaluation.batch) requests.push_back(slot->request.get());
    const std::lock_guard lock(in_progress_mutex_);
    in_progress_ = {&interrupt, std::move(requests)};
  }
  // A request abandoned between DropAbandoned and here found no evaluation to stop.
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
  Workspace& workspace = WorkspaceFor(size, predictor_->batch_sizes().RoundUp(size, rows));
  Place(evaluation, workspace);
  UploadNoise(evaluation);

  stream_.Replay(workspace.key(), [&] {
    const size_t elements = size.elements();
    PredictorBatch& batch = *workspace.batch;
    GatherRows(stream_, workspace.table.data(), workspace.rows, elements, batch.sample(), batch.timesteps());
    batch.Predict(interrupt);
    ApplyStep(stream_, workspace.table.data(), workspace.rows, elements, batch.eps());
  });
  for (auto& placed : workspace.placed) ++placed.position;
  QueueChecks(evaluation);
  QueuePreviews(evaluation);
  evaluation.done = stream_.Record();
  usage_.Evaluated(evaluation.batch.size(), rows, predictor_->batch_sizes().Capacity(size));
}

// Fills the workspace's table and its batch's conditioning, unless they are for exactly this step: then the device has
// everything.
void Denoiser::Place(Evaluation& evaluation, Workspace& workspace) {
  std::vector<Workspace::Placed> placed;
  for (const auto& slot : evaluation.batch) placed.push_back({slot->number, slot->position, slot->guided()});
  if (placed == workspace.placed) return;
  workspace.placed.clear();  // until everything is in place

  size_t rows = 0;
  const auto next_row = [&](const RowConditioning& conditioning) {
    workspace.batch->Condition(rows, conditioning);
    return rows++;
  };
  for (const auto& slot : evaluation.batch) {
    const DenoiseRequest& request = *slot->request;
    evaluation.table.push_back({
        .registers = slot->registers.data(),
        .plan = slot->plan->data(),
        .position = slot->position,
        .conditional_row = static_cast<uint32_t>(next_row(slot->conditioning())),
        .unconditional_row = slot->guided() ? static_cast<int32_t>(next_row(*request.unconditional)) : -1,
        .guidance_scale = request.guidance_scale,
        .kept = slot->kept.data(),
    });
  }
  evaluation.table.resize(workspace.rows, BatchSlot{});
  stream_.Upload(workspace.table.data(), evaluation.table.data(), workspace.table.bytes());

  workspace.batch->Clear(rows);  // rows without a slot
  workspace.placed = std::move(placed);
}

void Denoiser::UploadNoise(Evaluation& evaluation) {
  const size_t elements = evaluation.batch.front()->request->size.elements();
  const auto draws = [](const auto& slot) { return slot->request->plan.steps[slot->position].draws_noise != 0; };
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

// NaN weights show in the first evaluation, before minutes are spent on the others; what grows too
// large later shows in the last, because infinite latents stay infinite.
void Denoiser::QueueChecks(Evaluation& evaluation) {
  static_assert(kLatents == 0 && kEps == 1, "the two are at the start of the registers");
  for (const auto& slot : evaluation.batch) {
    if (slot->position != 0 && slot->position + 1 != slot->request->plan.steps.size()) continue;
    slot->check.Queue(slot->registers.data(), 2 * slot->request->size.elements());
  }
}

namespace {

// Of a slot, in the step at `position`.
bool IsShown(const DenoiseRequest& request, uint32_t position) {
  return request.on_preview && Shows(request.plan.steps[position]);
}

// What is expected of an image, of which a mask keeps the photo's part.
std::vector<float> Expected(const DenoiseRequest& request, size_t image, const float* painted) {
  const size_t elements = request.size.elements();
  std::vector<float> latents(painted, painted + elements);
  if (request.masks.empty()) return latents;
  const float* const mask = request.masks.data() + image * elements;
  const float* const photo = request.photos.data() + image * elements;
  for (size_t i = 0; i < elements; ++i) latents[i] = Blend(mask[i], latents[i], photo[i]);
  return latents;
}

}  // namespace

// Behind the step and before the next one on the stream: no other work waits for it.
void Denoiser::QueuePreviews(Evaluation& evaluation) {
  const auto& batch = evaluation.batch;
  const auto is_shown = [](const auto& slot) { return IsShown(*slot->request, slot->position); };
  const auto count = static_cast<size_t>(std::count_if(batch.begin(), batch.end(), is_shown));
  if (count == 0) return;
  const size_t bytes = batch.front()->request->size.elements() * sizeof(float);
  evaluation.previews = device_.AllocateHost(count * bytes);
  uint8_t* to = evaluation.previews.get();
  for (const auto& slot : batch) {
    if (!is_shown(slot)) continue;
    stream_.Download(to, slot->registers.data() + kPreview * slot->request->size.elements(), bytes);
    to += bytes;
  }
}

// Waits for the evaluation, then reports progress and hands out previews and finished images.
void Denoiser::Finish(Evaluation evaluation) {
  try {
    const SyncOnError sync(stream_);
    evaluation.done->Await();
  } catch (...) {
    Fail(evaluation.batch, CurrentError());
    return;
  }
  const auto* preview = reinterpret_cast<const float*>(evaluation.previews.get());
  for (const auto& slot : evaluation.batch) {
    DenoiseRequest& request = *slot->request;
    const uint32_t slowest_before = *std::min_element(slot->finished->begin(), slot->finished->end());
    const uint32_t steps = ++(*slot->finished)[slot->image];
    const uint32_t slowest = *std::min_element(slot->finished->begin(), slot->finished->end());
    const bool is_shown = IsShown(request, steps - 1);
    const float* const shown = is_shown ? std::exchange(preview, preview + request.size.elements()) : nullptr;
    if (request.abandoned()) continue;
    if (!slot->check.passed()) {
      request.on_failure(std::make_exception_ptr(predictor_->NotFinite()));
      continue;
    }
    if (slowest != slowest_before) request.on_step(slowest);
    static_assert(kLatents == 0, "the latents are at the start of the registers");
    try {
      if (is_shown) request.on_preview(slot->image, steps, Expected(request, slot->image, shown));
      if (steps == request.plan.steps.size()) request.on_latents(slot->image, std::move(slot->registers));
    } catch (...) {
      request.on_failure(CurrentError());
    }
  }
}

// How far the device advanced its positions is unknown.
void Denoiser::ForgetPlaced() noexcept {
  for (auto& [size, workspace] : workspaces_) {
    if (workspace) workspace->placed.clear();
  }
}

// An interrupted evaluation holds only abandoned requests, which know already.
void Denoiser::Fail(const Batch& batch, const std::exception_ptr& error) {
  ForgetPlaced();
  for (const auto& slot : batch) {
    if (!slot->request->abandoned()) slot->request->on_failure(error);
  }
}

}  // namespace arc2face
