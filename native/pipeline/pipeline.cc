#include "pipeline.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include "unet_predictor.h"

namespace arc2face {

namespace {

constexpr int64_t kMaxImageSide = 8192;

[[noreturn]] void Refuse(const std::string& what) { throw Error(ErrorCode::kInvalidArgument, what); }

bool AllFinite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

void CheckEmbeddings(const std::vector<float>& embeddings) {
  if (embeddings.empty() || embeddings.size() % kEmbeddingSize != 0 || !AllFinite(embeddings)) {
    Refuse("Expected 512 finite numbers per identity for embeddings but received " + std::to_string(embeddings.size()) +
           " numbers" + (AllFinite(embeddings) ? "." : ", not all finite."));
  }
  for (auto at = embeddings.begin(); at != embeddings.end(); at += kEmbeddingSize) {
    if (std::all_of(at, at + kEmbeddingSize, [](float value) { return value == 0; })) {
      Refuse("Expected an embedding with a direction but received 512 zeros.");
    }
  }
}

void CheckPlan(const Plan& plan) {
  if (plan.steps.empty()) Refuse("Expected at least one step for plan but received none.");
  // What it would weigh is not part of a request.
  if (plan.start.latents != 0) Refuse("Expected 0 for the weight of latents in the plan's start.");
  if (!std::isfinite(plan.start.noise)) Refuse("Expected a finite weight of noise in the plan's start.");
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    bool valid =
        std::isfinite(step.timestep) && std::isfinite(step.input_scale) && step.assignment_count <= kMaxAssignments;
    for (uint32_t k = 0; valid && k < step.assignment_count; ++k) {
      const Assignment& assignment = step.assignments[k];
      valid = assignment.to < kRegisters && assignment.to != kEps && assignment.to != kNoise &&
              std::all_of(
                  std::begin(assignment.coefficients), std::end(assignment.coefficients),
                  [](float value) { return std::isfinite(value); });
    }
    if (!valid)
      Refuse("Expected finite numbers and known registers for plan but step " + std::to_string(i) + " has others.");
  }
}

}  // namespace

// A generate call on its way.
struct Pipeline::Painting {
  std::shared_ptr<CallOf<std::vector<Image>>> call;
  GenerateRequest request;
  LatentSize size;
  std::vector<NetworkBuffer> conditioning;  // per identity
  std::vector<Image> images;                // on the thread of Lane::kPainting, as what follows
  size_t painted = 0;
};

std::shared_ptr<Pipeline> Pipeline::Load(Device& device, const PipelineSource& source, const LoadProgress& progress,
                                         Interrupt& interrupt) {
  auto pipeline = std::make_shared<Pipeline>(device);
  pipeline->LoadNetworks(source, progress, interrupt);
  return pipeline;
}

void Pipeline::LoadNetworks(const PipelineSource& source, const LoadProgress& progress, Interrupt& interrupt) {
  provider_ = source.provider;
  pixels_per_latent_ = source.pixels_per_latent;

  const size_t total = source.detector ? 5 : 3;
  size_t done = 0;
  const auto load = [&](const NetworkSource& network, Stream& stream) {
    auto loaded = provider_->Load(network, stream, interrupt);
    if (progress) progress(network.name, ++done, total);
    return loaded;
  };
  if (source.detector) {
    Stream& stream = MakeStream(Lane::kFaces);
    auto detector = load(*source.detector, stream);
    auto recognizer = load(*source.recognizer, stream);
    faces_ = std::make_unique<FaceReader>(device_, stream, std::move(detector), std::move(recognizer));
    detection_sizes_ = faces_->detection_sizes();
    reads_faces_ = true;
  }
  Stream& denoising = MakeStream(Lane::kDenoising);
  auto text_encoder = load(source.text_encoder, denoising);
  auto predictor = std::make_unique<UNetPredictor>(device_, denoising, *provider_, load(source.unet, denoising),
                                                   static_cast<int64_t>(source.prompt.tokens.size()));
  latent_channels_ = predictor->latent_channels();
  conditioner_ = std::make_unique<Conditioner>(device_, denoising, std::move(text_encoder), source.prompt,
                                               predictor->text_dimension(), predictor->text_type());
  const BatchSizes::Built built = predictor->batch_sizes().built();
  denoiser_ = std::make_unique<Denoiser>(device_, denoising, std::move(predictor));
  Stream& painting = MakeStream(Lane::kPainting);
  painter_ = std::make_unique<ImagePainter>(device_, painting, load(source.vae_decoder, painting), pixels_per_latent_);
  SetImageSizes(built);
}

// What the UNet and the VAE were both built for.
void Pipeline::SetImageSizes(const BatchSizes::Built& built) {
  for (const auto& [size, rows] : built) {
    const auto& [height, width] = size;
    if (!painter_->Takes(height, width)) continue;
    image_sizes_.push_back({width * pixels_per_latent_, height * pixels_per_latent_, rows.back()});
  }
  if (image_sizes_.empty() && !built.empty()) {
    throw Error(ErrorCode::kInvalidBundle,
                "Expected engines of the UNet and the VAE decoder for the same image size, but no size has both.");
  }
}

std::shared_ptr<Call> Pipeline::Detect(Photo photo, DetectOptions options,
                                       std::function<void(Outcome<std::vector<Face>>)> done) {
  CheckReadsFaces();
  CheckPhotoSize(photo.width, photo.height);
  CheckDetectOptions(options, detection_sizes_);
  const auto call = Open(std::move(done));
  Post(Lane::kFaces, call, [this, call, photo = std::move(photo), options] {
    Succeed(call, faces_->Detect(photo, options, call->interrupt()));
  });
  return call;
}

std::shared_ptr<Call> Pipeline::Encode(EncodeRequest request, std::function<void(Outcome<std::vector<float>>)> done) {
  CheckReadsFaces();
  CheckPhotoSize(request.photo.width, request.photo.height);
  if (const auto* keypoints = std::get_if<Keypoints>(&request.face)) {
    if (!std::all_of(keypoints->begin(), keypoints->end(), [](float value) { return std::isfinite(value); })) {
      Refuse("Expected ten finite numbers for keypoints.");
    }
  } else {
    CheckDetectOptions(std::get<FaceChoice>(request.face).options, detection_sizes_);
  }
  const auto call = Open(std::move(done));
  Post(Lane::kFaces, call, [this, call, request = std::move(request)] {
    Keypoints keypoints;
    if (const auto* choice = std::get_if<FaceChoice>(&request.face)) {
      const std::vector<Face> faces = faces_->Detect(request.photo, choice->options, call->interrupt());
      if (faces.empty()) throw Error(ErrorCode::kNoFace, "Found no face in " + request.photo.name + ".");
      if (choice->only && faces.size() > 1) {
        Refuse("Expected one face in " + request.photo.name + ", as face is \"only\", but found " +
               std::to_string(faces.size()) + ".");
      }
      if (choice->index >= faces.size()) {
        throw Error(ErrorCode::kNoFace, "Expected at least " + std::to_string(choice->index + size_t{1}) +
                                            " faces in " + request.photo.name + ", as face is " +
                                            std::to_string(choice->index) + ", but found " +
                                            std::to_string(faces.size()) + ".");
      }
      keypoints = faces[choice->index].keypoints;
    } else {
      keypoints = std::get<Keypoints>(request.face);
    }
    Succeed(call, faces_->Embed(request.photo, keypoints, call->interrupt()));
  });
  return call;
}

std::shared_ptr<Call> Pipeline::Generate(GenerateRequest request,
                                         std::function<void(Outcome<std::vector<Image>>)> done) {
  Check(request);
  const auto painting = std::make_shared<Painting>();
  painting->call = Open(std::move(done));
  painting->size = {latent_channels_, request.height / pixels_per_latent_, request.width / pixels_per_latent_};
  painting->images.resize(request.identity_of_image.size());
  painting->request = std::move(request);
  Post(Lane::kDenoising, painting->call, [this, painting] { StartPainting(painting); });
  return painting->call;
}

void Pipeline::StartPainting(const std::shared_ptr<Painting>& painting) {
  const auto& call = painting->call;
  GenerateRequest& request = painting->request;
  for (size_t at = 0; at < request.embeddings.size(); at += kEmbeddingSize) {
    painting->conditioning.push_back(
        conditioner_->Condition({request.embeddings.data() + at, kEmbeddingSize}, call->interrupt()));
  }
  std::vector<RowConditioning> conditioning;
  for (const uint32_t identity : request.identity_of_image) {
    conditioning.push_back({painting->conditioning[identity].data()});
  }
  // At 1 the unconditional half has no weight; below, diffusers leaves it out too.
  std::optional<RowConditioning> unconditional;
  if (request.guidance_scale > 1) unconditional = {conditioner_->Unconditional(call->interrupt()).data()};
  const uint32_t steps = static_cast<uint32_t>(request.plan.steps.size());

  denoiser_->Join(std::make_shared<DenoiseRequest>(DenoiseRequest{
      .size = painting->size,
      .plan = std::move(request.plan),
      .guidance_scale = request.guidance_scale,
      .noise = NoiseSource(request.seeds, request.identity_of_image.size(), painting->size.elements()),
      .initial_noise = std::move(request.latents),
      .conditioning = std::move(conditioning),
      .unconditional = unconditional,
      // The callbacks hold the painting, and with it the conditioning.
      .on_step =
          [painting, steps](uint32_t step) {
            if (painting->request.on_step) painting->request.on_step(step, steps);
          },
      .on_latents =
          [this, painting](size_t image, DeviceBuffer<float> latents) {
            const auto shared = std::make_shared<DeviceBuffer<float>>(std::move(latents));
            Post(Lane::kPainting, painting->call, [this, painting, image, shared] {
              painting->images[image] = painter_->Paint(shared->data(), painting->size, painting->call->interrupt());
              if (++painting->painted == painting->images.size()) Succeed(painting->call, std::move(painting->images));
            });
          },
      .on_failure = [this, painting](const std::exception_ptr& error) { Fail(painting->call, error); },
      .abandoned = [painting] { return painting->call->settled(); },
  }));
  StepLater();
}

void Pipeline::StepLater() {
  if (std::exchange(step_posted_, true)) return;
  ExecutorOf(device_, Lane::kDenoising).Post([self = shared_from_this()] {
    self->step_posted_ = false;
    if (self->denoiser_ && self->denoiser_->Step()) self->StepLater();
  });
}

void Pipeline::Cancel(const std::shared_ptr<Call>& call) {
  call->Fail(std::make_exception_ptr(Error(ErrorCode::kCancelled, "The call was cancelled.")));
  const std::lock_guard lock(mutex_);
  pending_.erase(call);
  // Held locked, so that the networks can't be given back meanwhile.
  if (!disposed_) denoiser_->StopIfAbandoned();
}

void Pipeline::Dispose(std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    const bool first = !std::exchange(disposed_, true);
    const auto error = Error(ErrorCode::kDisposed, "The model was disposed while the call was pending.");
    for (const auto& call : std::exchange(pending_, {})) call->Fail(std::make_exception_ptr(error));
    if (first) denoiser_->StopIfAbandoned();
  }
  const auto lanes_left = std::make_shared<std::atomic<size_t>>(kLanes.size());
  for (const Lane lane : kLanes) {
    ExecutorOf(device_, lane).Post([self = shared_from_this(), lane, lanes_left, done] {
      self->GiveBack(lane);
      if (--*lanes_left > 0) return;
      {
        const std::lock_guard lock(self->mutex_);
        self->provider_.reset();
      }
      self->device_.Trim();
      done();
    });
  }
}

void Pipeline::GiveBack(Lane lane) {
  auto& stream = streams_[static_cast<size_t>(lane)];
  try {
    device_.MakeCurrent();
    if (stream) stream->Synchronize();  // networks must not go while they run
  } catch (const Error&) {
    // On a GPU that is lost nothing runs any more.
  }
  switch (lane) {
    case Lane::kFaces:
      faces_.reset();
      break;
    case Lane::kDenoising:
      denoiser_.reset();
      conditioner_.reset();
      break;
    case Lane::kPainting:
      painter_.reset();
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
}

void Pipeline::Fail(const std::shared_ptr<Call>& call, const std::exception_ptr& error) {
  Forget(call);
  call->Fail(error);
}

void Pipeline::Forget(const std::shared_ptr<Call>& call) {
  const std::lock_guard lock(mutex_);
  pending_.erase(call);
}

void Pipeline::CheckReadsFaces() const {
  if (!reads_faces_) {
    throw Error(ErrorCode::kInvalidBundle, "The bundle has no antelopev2 folder, so it can't read photos.");
  }
}

void Pipeline::Check(const GenerateRequest& request) const {
  CheckEmbeddings(request.embeddings);
  CheckPlan(request.plan);
  if (!std::isfinite(request.guidance_scale)) Refuse("Expected a finite number for guidanceScale.");

  const size_t identities = request.embeddings.size() / kEmbeddingSize;
  const size_t images = request.identity_of_image.size();
  if (images == 0) Refuse("Expected at least one image for identityOfImage but received none.");
  if (std::any_of(request.identity_of_image.begin(), request.identity_of_image.end(),
                  [&](uint32_t identity) { return identity >= identities; })) {
    Refuse("Expected identityOfImage to count the " + std::to_string(identities) + " embeddings from 0.");
  }
  if (request.seeds.size() != 1 && request.seeds.size() != images) {
    Refuse("Expected 1 or " + std::to_string(images) + " seeds but received " + std::to_string(request.seeds.size()) +
           ".");
  }
  for (const auto& [name, pixels] : {std::pair{"width", request.width}, {"height", request.height}}) {
    if (pixels < pixels_per_latent_ || pixels > kMaxImageSide || pixels % pixels_per_latent_ != 0) {
      Refuse("Expected a multiple of " + std::to_string(pixels_per_latent_) + " up to " +
             std::to_string(kMaxImageSide) + " for " + name + " but received " + std::to_string(pixels) + ".");
    }
  }
  CheckBuiltFor(request);
  const LatentSize size{latent_channels_, request.height / pixels_per_latent_, request.width / pixels_per_latent_};
  if (!request.latents.empty() && (request.latents.size() != images * size.elements() || !AllFinite(request.latents))) {
    Refuse("Expected " + std::to_string(images * size.elements()) + " finite numbers for latents but received " +
           std::to_string(request.latents.size()) + ".");
  }
}

void Pipeline::CheckBuiltFor(const GenerateRequest& request) const {
  if (image_sizes_.empty()) return;
  const auto name = [](int64_t width, int64_t height) {
    return std::to_string(width) + " x " + std::to_string(height);
  };
  const auto found = std::find_if(image_sizes_.begin(), image_sizes_.end(), [&](const ImageSize& size) {
    return size.width == request.width && size.height == request.height;
  });
  if (found == image_sizes_.end()) {
    std::string list;
    for (const ImageSize& size : image_sizes_) list += (list.empty() ? "" : ", ") + name(size.width, size.height);
    Refuse("Expected an image size that the model's engines were built for (" + list + ") but received " +
           name(request.width, request.height) + ". Load the model with it in imageSizes.");
  }
  if (request.guidance_scale > 1 && found->most_rows < 2) {
    Refuse(
        "Expected 1 for guidanceScale, because guidance takes two rows of a batch and the model's engines were built "
        "for one, but received " +
        std::to_string(request.guidance_scale) + ". Load the model with 2 or more in batchSizes.");
  }
}

}  // namespace arc2face
