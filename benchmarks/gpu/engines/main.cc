// What the UNet's and the VAE's engines take on a GPU: alone, with the kernels of a step, as a replayed graph, and in
// the whole pipeline; and the memory. benchmarks/gpu/run.js builds the engines and runs this.
//
//   arc2face_engine_bench --provider … --core … --parser … --gpu 0 --text-encoder … --unet … --vae-decoder …
//                         --identity-position 4 --pixels-per-latent 8 --image-size 512 --runs 50
//                         --answers <folder>
//
// Files are engine files of this provider; without --provider they are the stand-in's, which is part of the program.
// Writes to the folder what one evaluation of the UNet was given and gave, as raw float32 with shapes.json beside, and
// to stdout a JSON object. Exit code 3: there is no GPU.
#include <time.h>

#include <condition_variable>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "batch.h"
#include "device/cuda.h"
#include "pipeline/pipeline.h"
#include "provider/tensorrt/tensorrt.h"
#include "report.h"
#include "tensors.h"
#include "timing.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::bench {
namespace {

constexpr int kNoGpu = 3;

class Options {
 public:
  Options(int count, char** arguments) {
    for (int i = 1; i + 1 < count; i += 2) values_[arguments[i]] = arguments[i + 1];
  }
  std::string Text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
  }
  int Number(const std::string& name) const {
    const std::string text = Text(name);
    if (text.empty()) throw std::invalid_argument("Expected a number for " + name + " but received none.");
    return std::stoi(text);
  }
  NetworkSource Engine(const std::string& option, const std::string& name) const {
    NetworkSource source{.name = name, .graph = {}, .weights = {}, .maps = {}};
    source.engine = EngineFile{.path = Text(option), .compiled = ""};
    return source;
  }

 private:
  std::map<std::string, std::string> values_;
};

class Bench {
 public:
  Bench(const Options& options, Device& gpu)
      : options_(options), gpu_(gpu), library_(Library(options)), runs_(options.Number("--runs")) {}

  void Run() {
    MeasurePipeline();
    const auto provider = OpenTensorRt(library_, gpu_);
    const auto stream = gpu_.MakeStream();
    MeasureSteps(*provider, *stream);
    MeasureVae(*provider, *stream);
  }
  const std::vector<Result>& results() const noexcept { return results_; }
  std::string library() const { return std::string(library_.api().product) + " " + library_.version(); }

 private:
  static tensorrt::EngineLibrary Library(const Options& options) {
    const tensorrt::LibraryPaths paths{
        .provider = options.Text("--provider"), .core = options.Text("--core"), .parser = options.Text("--parser")};
    if (!paths.provider.empty()) return tensorrt::EngineLibrary(paths);
    return tensorrt::EngineLibrary(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), paths);
  }

  void Add(const std::string& name, int64_t rows, const std::string& unit, std::vector<double> values) {
    results_.push_back({name, rows, unit, std::move(values)});
  }
  void AddTimes(const std::string& name, int64_t rows, const Times& times) {
    Add(name, rows, "ms", times.gpu);
    Add(name + ": queueing it", rows, "ms of the host", times.host);
  }

  void MeasureSteps(Provider& provider, Stream& stream) {
    Interrupt interrupt;
    const auto unet = provider.Load(options_.Engine("--unet", "unet"), stream, interrupt);
    bool answered = false;
    for (const InputShapes& shapes : unet->profiles()) {
      Batch batch(gpu_, stream, *unet, shapes, static_cast<size_t>(runs_) + 100);
      if (!answered) batch.WriteAnswers(options_.Text("--answers"));
      answered = true;
      AddTimes("UNet, engine alone", batch.rows(), Measure(stream, runs_, [&] { batch.Evaluate(); }));
      AddTimes("UNet and step kernels, queued", batch.rows(), Measure(stream, runs_, [&] { batch.Step(); }));
      batch.Rewind();
      AddTimes("UNet and step kernels, graph replayed", batch.rows(), Measure(stream, runs_, [&] { batch.Replay(); }));
    }
  }

  void MeasureVae(Provider& provider, Stream& stream) {
    Interrupt interrupt;
    const auto vae = provider.Load(options_.Engine("--vae-decoder", "vaeDecoder"), stream, interrupt);
    const InputShapes shapes = vae->profiles()[0];
    const std::vector<int64_t>& latents_shape = shapes[0];
    const int64_t pixels = options_.Number("--pixels-per-latent");
    const std::vector<int64_t> image_shape = {1, 3, latents_shape[2] * pixels, latents_shape[3] * pixels};
    const Filled latents = Random(gpu_, stream, vae->inputs()[0], latents_shape);
    const Filled image = Random(gpu_, stream, vae->outputs()[0], image_shape);
    DeviceBuffer<uint8_t> rgb(gpu_, Elements(image_shape));
    const auto decode = [&] {
      Evaluate(*vae, {{"latents", latents.tensor()}}, {{"image", image.tensor()}}, stream, interrupt);
    };
    AddTimes("VAE decoder, engine alone", 1, Measure(stream, runs_, decode));
    AddTimes("VAE decoder and quantising", 1, Measure(stream, runs_, [&] {
               decode();
               stream.Quantise(image.const_floats(), static_cast<int>(image_shape[2]), static_cast<int>(image_shape[3]),
                               rgb.data());
             }));
  }

  // Everything together, as the package runs it: what a step costs there, and the host.
  void MeasurePipeline() {
    const size_t before = FreeBytes();
    PipelineSource source;
    source.provider = OpenTensorRt(library_, gpu_);
    source.text_encoder = options_.Engine("--text-encoder", "textEncoder");
    source.unet = options_.Engine("--unet", "unet");
    source.vae_decoder = options_.Engine("--vae-decoder", "vaeDecoder");
    const int position = options_.Number("--identity-position");
    source.prompt = {std::vector<int32_t>(77), std::vector<int32_t>(77), position};
    source.pixels_per_latent = options_.Number("--pixels-per-latent");
    Interrupt interrupt;
    const auto began = std::chrono::steady_clock::now();
    const auto pipeline = Pipeline::Load(gpu_, source, nullptr, interrupt);
    Add("opening text encoder, UNet and VAE decoder", 0, "s", {Milliseconds(began) / 1e3});
    Add("GPU memory after loading", 0, "MiB", {MebibytesSince(before)});
    for (const uint32_t images : {1u, 8u}) {
      const auto steps = static_cast<uint32_t>(std::max(20, 2 * runs_));
      Generate(*pipeline, images, 5);  // captures the graph of this batch
      const double host = HostSeconds();
      const std::vector<double> times = Generate(*pipeline, images, steps);
      const double spent = HostSeconds() - host;
      Add("a step in the pipeline", 2 * images, "ms", times);
      Add("a step in the pipeline: the host's thread", 2 * images, "µs of the host", {spent / steps * 1e6});
      Add("GPU memory with " + std::to_string(images) + " in work", 0, "MiB", {MebibytesSince(before)});
    }
    pipeline->Dispose([] {});
    HostSeconds();  // after it
  }

  // The time between the reports of two steps.
  std::vector<double> Generate(Pipeline& pipeline, uint32_t images, uint32_t steps) {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::exception_ptr error;
    std::vector<double> times;
    auto last = std::chrono::steady_clock::now();
    GenerateRequest request{
        .embeddings = std::vector<float>(512, 0.1f),
        .identity_of_image = std::vector<uint32_t>(images, 0),
        .plan = EvenPlan(steps),
        .initial_scale = 1,
        .guidance_scale = 3,
        .seeds = {1},
        .width = options_.Number("--image-size"),
        .height = options_.Number("--image-size"),
        .latents = {},
        .on_step =
            [&](uint32_t step, uint32_t) {
              if (step > 1) times.push_back(Milliseconds(last));
              last = std::chrono::steady_clock::now();
            },
    };
    pipeline.Generate(std::move(request), [&](Outcome<std::vector<Image>> outcome) {
      const std::lock_guard lock(mutex);
      if (auto* failed = std::get_if<1>(&outcome)) error = *failed;
      done = true;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
    if (error) std::rethrow_exception(error);
    return times;
  }

  // Processor time of the thread that queues steps, so far; waits until it has done what was posted before.
  double HostSeconds() {
    std::mutex mutex;
    std::condition_variable changed;
    double seconds = -1;
    ExecutorOf(gpu_, Lane::kDenoising).Post([&] {
      timespec now{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      const std::lock_guard lock(mutex);
      seconds = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return seconds >= 0; });
    return seconds;
  }

  static size_t FreeBytes() {
    size_t free = 0, total = 0;
    CheckCuda(cudaMemGetInfo(&free, &total), "read the memory");
    return free;
  }
  static double MebibytesSince(size_t before) {
    return (static_cast<double>(before) - static_cast<double>(FreeBytes())) / (1 << 20);
  }

  const Options& options_;
  Device& gpu_;
  tensorrt::EngineLibrary library_;
  int runs_;
  std::vector<Result> results_;
};

int Main(const Options& options) {
  const CudaSurvey survey = FindCudaGpus();
  if (survey.gpus.empty()) {
    std::cerr << survey.obstacle << '\n';
    return kNoGpu;
  }
  Bench bench(options, CudaDevice(options.Number("--gpu")));
  bench.Run();
  std::cout << "{\"library\":";
  WriteText(std::cout, bench.library());
  std::cout << ",\"results\":";
  WriteResults(std::cout, bench.results());
  std::cout << "}\n";
  return 0;
}

}  // namespace
}  // namespace arc2face::bench

int main(int count, char** arguments) {
  try {
    return arc2face::bench::Main({count, arguments});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
