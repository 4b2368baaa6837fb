// The whole flow in order, for any device and provider: photo -> faces -> embedding, and embedding -> conditioning ->
// latents -> image. Calls come from any thread and return at once; the work happens on the device's executors: on a
// GPU, one photo is read and the portrait of another is painted while a third is denoised.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "call.h"
#include "conditioner.h"
#include "denoiser.h"
#include "executor.h"
#include "face_reader.h"
#include "image_painter.h"
#include "judges.h"
#include "networks.h"
#include "photo_encoder.h"
#include "requests.h"
#include "turns.h"
#include "unet_predictor.h"
#include "usage.h"

namespace arc2face {

struct PipelineSource {
  std::shared_ptr<Provider> provider;
  std::vector<NetworkSource> networks;  // each with the name of its row in networks.h
  // Of a model that paints.
  Prompt prompt = {};
  int64_t pixels_per_latent = 0;
  Levels levels = {};  // of the UNet's further tensors
};

// Called after each network: its name, how many are ready, and of how many.
using LoadProgress = std::function<void(const std::string& network, size_t done, size_t total)>;

class Pipeline : public std::enable_shared_from_this<Pipeline> {
 public:
  // Loads all networks, one after another; takes seconds. Throws what Provider::Load throws, and kInvalidBundle.
  static std::shared_ptr<Pipeline> Load(Device& device, const PipelineSource& source, const LoadProgress& progress,
                                        Interrupt& interrupt);

  // Each checks its request and throws kInvalidArgument or kInvalidImage, or kInvalidBundle without the networks for
  // it, before any work; later errors settle the call.
  std::shared_ptr<Call> Detect(Photo photo, DetectOptions options,
                               std::function<void(Outcome<std::vector<Face>>)> done);
  std::shared_ptr<Call> Encode(EncodeRequest request, std::function<void(Outcome<std::vector<float>>)> done);
  std::shared_ptr<Call> Generate(GenerateRequest request, std::function<void(Outcome<std::monostate>)> done);
  // Of images: see Judges.
  std::shared_ptr<Call> Features(Photo image, std::function<void(Outcome<std::vector<float>>)> done);
  std::shared_ptr<Call> Distance(Photo first, Photo second, std::function<void(Outcome<float>)> done);

  // What was done since the load. Never waits for work, and may be asked for after the end.
  Usage usage() const { return usage_->Read(); }
  // Rows that one evaluation takes of images of that size, in pixels; 0 of a model that does not paint, or not any
  // more.
  size_t RowsOf(int64_t width, int64_t height);

  // Settles the call with kCancelled, and stops its work unless others share the evaluation in progress.
  void Cancel(const std::shared_ptr<Call>& call);

  // Settles everything pending with kDisposed, frees the networks, then calls `done` on an executor's thread.
  void Dispose(std::function<void()> done);

  // For Load, which callers use.
  explicit Pipeline(Device& device) : device_(device) {}

 private:
  struct Painting;

  template <typename T>
  std::shared_ptr<CallOf<T>> Open(std::function<void(Outcome<T>)> done);
  // Posts a call's first work, in its turn.
  void Begin(Lane lane, const std::shared_ptr<Call>& call, std::function<void()> work);
  // Runs `work` on the lane's executor, unless the call is settled by then; an exception settles the call.
  void Post(Lane lane, std::shared_ptr<Call> call, std::function<void()> work);
  template <typename T>
  void Succeed(const std::shared_ptr<CallOf<T>>& call, T value);
  void Fail(const std::shared_ptr<Call>& call, const std::exception_ptr& error);
  void Forget(const std::shared_ptr<Call>& call);
  void CheckReadsFaces() const;
  void CheckHas(const NetworkRow& row) const;
  static NoiseSource& NoiseOf(Painting& painting);
  void ReadPhotos(const std::shared_ptr<Painting>& painting);
  void StartPainting(const std::shared_ptr<Painting>& painting);
  Image Decode(Painting& painting, size_t image, const DeviceBuffer<float>& latents);
  void Paint(Painting& painting, size_t image, const DeviceBuffer<float>& latents);
  void Preview(Painting& painting, size_t image, uint32_t step, const std::vector<float>& latents);
  void StepLater();
  void LoadNetworks(const PipelineSource& source, const LoadProgress& progress, Interrupt& interrupt);
  void GiveBack(Lane lane);
  using LoadedNetworks = std::map<std::string, std::unique_ptr<Network>>;  // by their row's name
  void MakeStages(const PipelineSource& source, LoadedNetworks& loaded);
  void MakePaintingStages(const PipelineSource& source, LoadedNetworks& loaded);
  // Made for its first network.
  Stream& StreamOf(Lane lane);

  Device& device_;
  Turns& turns_ = TurnsOf(device_);
  std::shared_ptr<Provider> provider_;  // outlives the networks

  // After Load, used and destroyed on the thread of their lane only.
  std::array<std::unique_ptr<Stream>, kLanes.size()> streams_;
  std::unique_ptr<FaceReader> faces_;  // kFaces, like the next one
  std::unique_ptr<Judges> judges_;
  std::unique_ptr<Conditioner> conditioner_;  // kDenoising, like the next ones
  UNetPredictor* predictor_ = nullptr;        // the denoiser's
  std::unique_ptr<Denoiser> denoiser_;
  bool step_posted_ = false;
  std::unique_ptr<ImagePainter> painter_;  // kPainting, like the next one
  std::unique_ptr<PhotoEncoder> photo_encoder_;

  // Set once by Load; readable from any thread.
  std::set<std::string> names_;  // of its networks
  Abilities abilities_;
  std::vector<int> detection_sizes_;
  ImageSizes image_sizes_;
  std::optional<BatchSizes> batch_sizes_;  // asks the provider
  const std::shared_ptr<UsageCounter> usage_ = std::make_shared<UsageCounter>();

  std::mutex mutex_;  // guards what follows, and the end of provider_
  bool disposed_ = false;
  std::unordered_set<std::shared_ptr<Call>> pending_;
};

}  // namespace arc2face
