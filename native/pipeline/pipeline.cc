// The whole flow: loading, calls and dispose.
#include "pipeline.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include "../device/sync_on_error.h"

namespace arc2face {

// A generate call in progress. Its images are in memory until they are painted, or nothing of it is left.
struct Pipeline::Painting {
  Painting(std::shared_ptr<UsageCounter> counter, size_t images) : usage(std::move(counter)), left(images) {
    usage->Come(left);
  }
  ~Painting() { usage->Leave(left); }
  Painting(const Painting&) = delete;
  Painting& operator=(const Painting&) = delete;

  const std::shared_ptr<UsageCounter> usage;
  const UsageCounter::Clock::time_point came = UsageCounter::Clock::now();
  std::shared_ptr<CallOf<std::monostate>> call;
  GenerateRequest request;
  LatentSize size;
  std::optional<NoiseSource> noise;
  EditStart start;                          // of an edit
  std::vector<NetworkBuffer> conditioning;  // per identity
  Posterior reference;                      // latents of the photo, if there is one
  std::unique_ptr<SteeringMemory> steering;
  size_t left;  // images; changed on the thread of Lane::kPainting
};

std::shared_ptr<Pipeline> Pipeline::Load(Device& device, const PipelineSource& source, const LoadProgress& progress,
                                         Interrupt& interrupt) {
  auto pipeline = std::make_shared<Pipeline>(device);
  pipeline->LoadNetworks(source, progress, interrupt);
  return pipeline;
}

void Pipeline::LoadNetworks(const PipelineSource& source, const LoadProgress& progress, Interrupt& interrupt) {
  CheckComplete(source.networks);
  provider_ = source.provider;
  provider_->CheckFits(source.networks);
  LoadedNetworks loaded;
  for (const NetworkRow& row : kNetworks) {
    const NetworkSource* const network = Find(source.networks, row);
    if (network == nullptr) continue;
    loaded[row.name] = provider_->Load(*network, StreamOf(row.lane), interrupt);
    names_.insert(row.name);
    if (progress) progress(row.name, loaded.size(), source.networks.size());
  }
  MakeStages(source, loaded);
}

void Pipeline::MakeStages(const PipelineSource& source, LoadedNetworks& loaded) {
  // Null where there is none.
  const auto take = [&](const NetworkRow& row) { return std::move(loaded[row.name]); };
  if (auto detector = take(networks::kDetector)) {
    faces_ =
        std::make_unique<FaceReader>(device_, StreamOf(Lane::kFaces), std::move(detector), take(networks::kRecognizer));
    detection_sizes_ = faces_->detection_sizes();
  }
  auto inception = take(networks::kInception), lpips = take(networks::kLpips);
  if (inception || lpips) {
    judges_ = std::make_unique<Judges>(device_, StreamOf(Lane::kFaces), std::move(inception), std::move(lpips));
  }
  if (Paints(source.networks)) MakePaintingStages(source, loaded);
}

void Pipeline::MakePaintingStages(const PipelineSource& source, LoadedNetworks& loaded) {
  const auto take = [&](const NetworkRow& row) { return std::move(loaded[row.name]); };
  Stream& denoising = StreamOf(Lane::kDenoising);
  auto predictor = std::make_unique<UNetPredictor>(
      device_, denoising, *provider_, UNetNetworks{take(networks::kUnet), take(networks::kControlNet)},
      static_cast<int64_t>(source.prompt.tokens.size()), source.levels, source.pixels_per_latent);
  const bool reads_images = Find(source.networks, networks::kVaeEncoder) != nullptr;
  abilities_ = {.edit = reads_images,
                .control = predictor->control() != nullptr,
                .expression = predictor->has_expression(),
                .reference = reads_images && predictor->has_reference()};
  conditioner_ = std::make_unique<Conditioner>(device_, denoising, take(networks::kTextEncoder), source.prompt,
                                               predictor->text_dimension(), predictor->text_type());
  const NetworkRow& decoder = loaded[networks::kVaeDecoder.name] ? networks::kVaeDecoder : networks::kTinyDecoder;
  painter_ = std::make_unique<ImagePainter>(device_, StreamOf(Lane::kPainting), decoder, take(decoder),
                                            source.pixels_per_latent);
  if (auto encoder = take(networks::kVaeEncoder)) {
    photo_encoder_ = std::make_unique<PhotoEncoder>(device_, StreamOf(Lane::kPainting), std::move(encoder),
                                                    source.pixels_per_latent);
  }
  image_sizes_ = ImageSizes(predictor->latent_channels(), source.pixels_per_latent, predictor->batch_sizes().built(),
                            [&](int64_t height, int64_t width) { return painter_->Takes(height, width); });
  batch_sizes_ = predictor->batch_sizes();
  predictor_ = predictor.get();
  denoiser_ = std::make_unique<Denoiser>(device_, denoising, std::move(predictor), *usage_);
}

Stream& Pipeline::StreamOf(Lane lane) {
  auto& stream = streams_[static_cast<size_t>(lane)];
  if (!stream) stream = device_.MakeStream();
  return *stream;
}

std::shared_ptr<Call> Pipeline::Detect(Photo photo, DetectOptions options,
                                       std::function<void(Outcome<std::vector<Face>>)> done) {
  CheckReadsFaces();
  CheckPhotoSize(photo.width, photo.height);
  CheckDetectOptions(options, detection_sizes_);
  const auto call = Open(std::move(done));
  Begin(Lane::kFaces, call, [this, call, photo = std::move(photo), options] {
    Succeed(call, faces_->Detect(photo, options, call->interrupt()));
  });
  return call;
}

std::shared_ptr<Call> Pipeline::Encode(EncodeRequest request, std::function<void(Outcome<std::vector<float>>)> done) {
  CheckReadsFaces();
  Check(request);
  const auto call = Open(std::move(done));
  Begin(Lane::kFaces, call, [this, call, request = std::move(request)] {
    Succeed(call, faces_->Embed(request.photo, request.keypoints, call->interrupt()));
  });
  return call;
}

std::shared_ptr<Call> Pipeline::Generate(GenerateRequest request, std::function<void(Outcome<std::monostate>)> done) {
  CheckHas(networks::kUnet);
  Check(request, image_sizes_, abilities_);
  const auto painting = std::make_shared<Painting>(usage_, request.identity_of_image.size());
  painting->call = Open(std::move(done));
  painting->size = image_sizes_.LatentsOf(request.width, request.height);
  painting->request = std::move(request);
  const Steering& steering = painting->request.steering;
  if (painting->request.edit || steering.control || steering.reference) {
    Begin(Lane::kPainting, painting->call, [this, painting] {
      usage_->Spent(Phase::kWaiting, painting->came);
      ReadPhotos(painting);
    });
  } else {
    Begin(Lane::kDenoising, painting->call, [this, painting] {
      usage_->Spent(Phase::kWaiting, painting->came);
      StartPainting(painting);
    });
  }
  return painting->call;
}

size_t Pipeline::RowsOf(int64_t width, int64_t height) {
  const std::lock_guard lock(mutex_);
  return batch_sizes_ && provider_ ? batch_sizes_->Capacity(image_sizes_.LatentsOf(width, height)) : 0;
}

std::shared_ptr<Call> Pipeline::Features(Photo image, std::function<void(Outcome<std::vector<float>>)> done) {
  CheckHas(networks::kInception);
  CheckPhotoSize(image.width, image.height);
  const auto call = Open(std::move(done));
  Begin(Lane::kFaces, call,
        [this, call, image = std::move(image)] { Succeed(call, judges_->Features(image, call->interrupt())); });
  return call;
}

std::shared_ptr<Call> Pipeline::Distance(Photo first, Photo second, std::function<void(Outcome<float>)> done) {
  CheckHas(networks::kLpips);
  CheckPair(first, second);
  const auto call = Open(std::move(done));
  Begin(Lane::kFaces, call, [this, call, first = std::move(first), second = std::move(second)] {
    Succeed(call, judges_->Distance(first, second, call->interrupt()));
  });
  return call;
}

NoiseSource& Pipeline::NoiseOf(Painting& painting) {
  const GenerateRequest& request = painting.request;
  if (!painting.noise) {
    painting.noise.emplace(request.seeds, request.identity_of_image.size(), painting.size.elements(),
                           request.noise_batch);
  }
  return *painting.noise;
}

void Pipeline::ReadPhotos(const std::shared_ptr<Painting>& painting) {
  const TimeOf time(*usage_, Phase::kConditioning);
  Interrupt& interrupt = painting->call->interrupt();
  if (auto& edit = painting->request.edit) {
    painting->start =
        StartEdit(*edit, *photo_encoder_, NoiseOf(*painting), painting->size, painter_->pixels_per_latent(), interrupt);
    edit->photos.clear();
    edit->masks.clear();
  }
  Steering& steering = painting->request.steering;
  FitPhotos(steering, static_cast<int>(painting->request.width), static_cast<int>(painting->request.height));
  if (steering.reference) {
    const Photo& photo = steering.reference->photo;
    const size_t bytes = static_cast<size_t>(photo.width) * static_cast<size_t>(photo.height) * 3;
    painting->reference = photo_encoder_->Encode({photo.data.get(), bytes}, painting->size, interrupt);
  }
  Post(Lane::kDenoising, painting->call, [this, painting] { StartPainting(painting); });
}

void Pipeline::StartPainting(const std::shared_ptr<Painting>& painting) {
  const TimeOf time(*usage_, Phase::kConditioning);
  const auto& call = painting->call;
  GenerateRequest& request = painting->request;
  for (size_t at = 0; at < request.embeddings.size(); at += kEmbeddingSize) {
    painting->conditioning.push_back(
        conditioner_->Condition({request.embeddings.data() + at, kEmbeddingSize}, call->interrupt()));
  }
  painting->steering =
      std::make_unique<SteeringMemory>(device_, StreamOf(Lane::kDenoising), *predictor_, request.steering,
                                       std::move(painting->reference), painting->size);
  SteeringMemory& steering = *painting->steering;
  std::vector<RowConditioning> conditioning;
  for (size_t image = 0; image < request.identity_of_image.size(); ++image) {
    const uint32_t identity = request.identity_of_image[image];
    const std::byte* text = painting->conditioning[identity].data();
    conditioning.push_back(steering.Conditional(image, identity, text, call->interrupt()));
  }
  std::optional<RowConditioning> unconditional;
  if (request.IsGuided()) {
    unconditional = steering.Unconditional(conditioner_->Unconditional(call->interrupt()).data());
  }
  const uint32_t steps = static_cast<uint32_t>(request.plan.steps.size());

  denoiser_->Join(std::make_shared<DenoiseRequest>(DenoiseRequest{
      .size = painting->size,
      .plan = std::move(request.plan),
      .guidance_scale = request.guidance_scale,
      .guided = std::move(request.guided),
      .noise = std::move(NoiseOf(*painting)),
      .initial_noise = std::move(request.edit ? painting->start.noise : request.latents),
      .photos = std::move(painting->start.photos),
      .masks = std::move(painting->start.masks),
      .conditioning = std::move(conditioning),
      .unconditional = unconditional,
      // The callbacks keep the painting alive, and with it the conditioning.
      .on_step =
          [painting, steps](uint32_t step) {
            if (painting->request.on_step) painting->request.on_step(step, steps);
          },
      .on_preview = painting->request.on_preview
                        ? [this, painting](size_t image, uint32_t step, std::vector<float> latents) {
                            Post(Lane::kPainting, painting->call,
                                 [this, painting, image, step, latents = std::move(latents)] {
                                   Preview(*painting, image, step, latents);
                                 });
                          }
                        : std::function<void(size_t, uint32_t, std::vector<float>)>(),
      .on_latents =
          [this, painting](size_t image, DeviceBuffer<float> latents) {
            const auto shared = std::make_shared<DeviceBuffer<float>>(std::move(latents));
            Post(Lane::kPainting, painting->call,
                 [this, painting, image, shared] { Paint(*painting, image, *shared); });
          },
      .on_failure = [this, painting](const std::exception_ptr& error) { Fail(painting->call, error); },
      .abandoned = [painting] { return painting->call->settled(); },
  }));
  StepLater();
}

Image Pipeline::Decode(Painting& painting, size_t image, const DeviceBuffer<float>& latents) {
  const TimeOf time(*usage_, Phase::kDecoding);
  Image painted = painter_->Paint(latents.data(), painting.size, painting.call->interrupt());
  const auto& overlays = painting.start.overlays;
  if (!overlays.empty()) Lay(overlays[painting.request.edit->photo_of_image[image]], painted);
  return painted;
}

void Pipeline::Paint(Painting& painting, size_t image, const DeviceBuffer<float>& latents) {
  Image painted = Decode(painting, image, latents);
  usage_->Leave(1);
  --painting.left;
  painting.request.on_image(image, std::move(painted));
  if (painting.left == 0) Succeed(painting.call, std::monostate{});
}

void Pipeline::Preview(Painting& painting, size_t image, uint32_t step, const std::vector<float>& latents) {
  const GenerateRequest& request = painting.request;
  const LatentSize& size = painting.size;
  if (!request.preview_colours.empty()) {
    const auto pixels = static_cast<size_t>(size.height * size.width);
    Image preview{device_.AllocateHost(3 * pixels), static_cast<size_t>(size.width), static_cast<size_t>(size.height)};
    ColourLatents(latents.data(), pixels, request.preview_colours, preview.data.get());
    request.on_preview(image, step, std::move(preview));
    return;
  }
  Stream& stream = StreamOf(Lane::kPainting);
  const DeviceBuffer<float> copy(device_, latents.size());
  const SyncOnError sync(stream);
  stream.Upload(copy.data(), latents.data(), copy.bytes());
  request.on_preview(image, step, Decode(painting, image, copy));
}

void Pipeline::StepLater() {
  if (step_posted_) return;
  ExecutorOf(device_, Lane::kDenoising).Post([self = shared_from_this()] {
    self->step_posted_ = false;
    if (!self->denoiser_) return;
    try {
      const TimeOf time(*self->usage_, Phase::kDenoising);
      if (self->denoiser_->Step()) self->StepLater();
    } catch (...) {
      self->denoiser_->FailAll(CurrentError());
    }
  });
  step_posted_ = true;
}

void Pipeline::Cancel(const std::shared_ptr<Call>& call) {
  call->Fail(std::make_exception_ptr(Error(ErrorCode::kCancelled, "The call was cancelled.")));
  turns_.End(call.get());
  const std::lock_guard lock(mutex_);
  pending_.erase(call);
  // Locked, so that the networks can't be freed meanwhile.
  if (!disposed_ && denoiser_) denoiser_->StopIfAbandoned();
}

void Pipeline::Dispose(std::function<void()> done) {
  std::vector<std::shared_ptr<Call>> ended;
  {
    const std::lock_guard lock(mutex_);
    const bool first = !std::exchange(disposed_, true);
    const auto error = Error(ErrorCode::kDisposed, "The model was disposed while the call was pending.");
    for (const auto& call : std::exchange(pending_, {})) {
      call->Fail(std::make_exception_ptr(error));
      ended.push_back(call);
    }
    if (first && denoiser_) denoiser_->StopIfAbandoned();
  }
  for (const auto& call : ended) turns_.End(call.get());
  const auto lanes_left = std::make_shared<std::atomic<size_t>>(kLanes.size());
  for (const Lane lane : kLanes) {
    ExecutorOf(device_, lane).Post([self = shared_from_this(), lane, lanes_left, done] {
      self->GiveBack(lane);
      if (--*lanes_left > 0) return;
      std::shared_ptr<Provider> unused;  // destroyed without the lock, which nobody is to wait for
      {
        const std::lock_guard lock(self->mutex_);
        unused = std::move(self->provider_);
      }
      unused.reset();
      self->device_.Trim();
      done();
    });
  }
}

void Pipeline::GiveBack(Lane lane) {
  auto& stream = streams_[static_cast<size_t>(lane)];
  try {
    device_.MakeCurrent();
    if (stream) stream->Synchronize();  // networks must not be freed while they run
  } catch (const Error&) {
    // Nothing runs on a lost GPU.
  }
  switch (lane) {
    case Lane::kFaces:
      faces_.reset();
      judges_.reset();
      break;
    case Lane::kDenoising:
      predictor_ = nullptr;
      denoiser_.reset();
      conditioner_.reset();
      break;
    case Lane::kPainting:
      painter_.reset();
      photo_encoder_.reset();
      break;
  }
  stream.reset();
}

template <typename T>
std::shared_ptr<CallOf<T>> Pipeline::Open(std::function<void(Outcome<T>)> done) {
  auto call = std::make_shared<CallOf<T>>(std::move(done));
  const std::lock_guard lock(mutex_);
  if (disposed_) throw Error(ErrorCode::kDisposed, "The model was disposed.");
  pending_.insert(call);
  return call;
}

void Pipeline::Begin(Lane lane, const std::shared_ptr<Call>& call, std::function<void()> work) {
  turns_.Begin(call.get(), [self = shared_from_this(), lane, call, work = std::move(work)]() mutable {
    try {
      self->Post(lane, call, std::move(work));
    } catch (...) {
      self->Fail(call, CurrentError());  // a build that ends has no use for it
    }
  });
  // Whoever has settled it meanwhile may have come before it began.
  if (call->settled()) turns_.End(call.get());
}

void Pipeline::Post(Lane lane, std::shared_ptr<Call> call, std::function<void()> work) {
  ExecutorOf(device_, lane).Post([self = shared_from_this(), call = std::move(call), work = std::move(work)] {
    if (call->settled()) return;
    try {
      work();
    } catch (...) {
      self->Fail(call, CurrentError());
    }
  });
}

template <typename T>
void Pipeline::Succeed(const std::shared_ptr<CallOf<T>>& call, T value) {
  Forget(call);
  call->Succeed(std::move(value));
  turns_.End(call.get());
}

void Pipeline::Fail(const std::shared_ptr<Call>& call, const std::exception_ptr& error) {
  Forget(call);
  call->Fail(error);
  turns_.End(call.get());
}

void Pipeline::Forget(const std::shared_ptr<Call>& call) {
  const std::lock_guard lock(mutex_);
  pending_.erase(call);
}

void Pipeline::CheckReadsFaces() const {
  if (!names_.contains(networks::kDetector.name)) {
    throw Error(ErrorCode::kInvalidBundle, "The bundle has no antelopev2 folder, so it can't read photos.");
  }
}

void Pipeline::CheckHas(const NetworkRow& row) const {
  if (names_.contains(row.name)) return;
  throw Error(ErrorCode::kInvalidBundle, std::string("The model was loaded without the network ") + row.name + ".",
              {.network = row.name});
}

}  // namespace arc2face
