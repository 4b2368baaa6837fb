// The whole flow in order, for any device and provider: photo -> faces -> embedding, and embedding -> conditioning ->
// latents
// -> image. Calls come from any thread and return at once; the work happens on the device's executor.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <variant>
#include <vector>

#include "call.h"
#include "conditioner.h"
#include "denoiser.h"
#include "executor.h"
#include "face_reader.h"
#include "image_painter.h"

namespace arc2face {

struct PipelineSource {
  std::shared_ptr<Provider> provider;
  // Both or none.
  std::optional<NetworkSource> detector, recognizer;
  NetworkSource text_encoder, unet, vae_decoder;
  Prompt prompt;
  int64_t pixels_per_latent;
};

// Called after each network: its name, how many are ready, and of how many.
using LoadProgress = std::function<void(const std::string& network, size_t done, size_t total)>;

struct FaceChoice {
  DetectOptions options;
  uint32_t index;  // from the largest
  bool only;       // several faces are an error
};

struct EncodeRequest {
  Photo photo;
  std::variant<FaceChoice, Keypoints> face;
};

struct GenerateRequest {
  std::vector<float> embeddings;            // [identities, kEmbeddingSize]
  std::vector<uint32_t> identity_of_image;  // [images]
  std::vector<PlanStep> plan;
  float initial_scale;
  float guidance_scale;         // 1 or less: no unconditional half
  std::vector<uint64_t> seeds;  // one per image, or one in all
  int64_t width, height;        // pixels
  std::vector<float> latents;   // initial noise [images, elements], or empty
  std::function<void(uint32_t step, uint32_t steps)> on_step;
};

class Pipeline : public std::enable_shared_from_this<Pipeline> {
 public:
  // Loads all networks, one after another; takes seconds. Throws what Provider::Load throws, and kInvalidBundle.
  static std::shared_ptr<Pipeline> Load(Device& device, const PipelineSource& source, const LoadProgress& progress,
                                        Interrupt& interrupt);

  // Each checks its request and throws kInvalidArgument or kInvalidImage before any work; later errors settle the call.
  std::shared_ptr<Call> Detect(Photo photo, DetectOptions options,
                               std::function<void(Outcome<std::vector<Face>>)> done);
  std::shared_ptr<Call> Encode(EncodeRequest request, std::function<void(Outcome<std::vector<float>>)> done);
  std::shared_ptr<Call> Generate(GenerateRequest request, std::function<void(Outcome<std::vector<Image>>)> done);

  // Settles the call with kCancelled, and stops its work unless others share the evaluation in progress.
  void Cancel(const std::shared_ptr<Call>& call);

  // Settles everything pending with kDisposed, gives the networks back, then calls `done` on the executor's thread.
  void Dispose(std::function<void()> done);

  // What Load makes; callers use Load.
  explicit Pipeline(Device& device) : device_(device), executor_(ExecutorOf(device)) {}

 private:
  struct Painting;

  template <typename T>
  std::shared_ptr<CallOf<T>> Open(std::function<void(Outcome<T>)> done);
  // Runs `work` on the executor, unless the call is settled by then; what it throws settles the call.
  void Post(std::shared_ptr<Call> call, std::function<void()> work);
  template <typename T>
  void Succeed(const std::shared_ptr<CallOf<T>>& call, T value);
  void Fail(const std::shared_ptr<Call>& call, const std::exception_ptr& error);
  void Forget(const std::shared_ptr<Call>& call);
  void CheckReadsFaces() const;
  void Check(const GenerateRequest& request) const;
  void StartPainting(const std::shared_ptr<Painting>& painting);
  void StepLater();

  Device& device_;
  Executor& executor_;

  // Used and destroyed on the executor's thread only, after Load.
  std::shared_ptr<Provider> provider_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<FaceReader> faces_;
  std::unique_ptr<Conditioner> conditioner_;
  std::unique_ptr<Denoiser> denoiser_;
  std::unique_ptr<ImagePainter> painter_;
  bool step_posted_ = false;

  // Set once by Load; readable from any thread.
  bool reads_faces_ = false;
  int64_t latent_channels_ = 0;
  int64_t pixels_per_latent_ = 0;

  std::mutex mutex_;  // guards what follows
  bool disposed_ = false;
  std::unordered_set<std::shared_ptr<Call>> pending_;
};

}  // namespace arc2face
