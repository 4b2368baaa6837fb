// What the UNet's and the VAE's engines take on a GPU: alone, with the kernels of a step, as a replayed graph, and in
// the whole pipeline; and the memory. benchmarks/gpu/run.js builds the engines and runs this.
//
//   arc2face_engine_bench --provider … --core … --parser … --gpu 0 --text-encoder … --unet … --vae-decoder …
//                         --identity-position 4 --pixels-per-latent 8 --image-size 512 --runs 50
//                         --answers <folder>
//
// Files are engine files of this provider; without --provider they are the stand-in's, which is part of the program.
// Writes to the folder what one evaluation of the UNet was given and gave, as raw float32 with shapes.json beside, and
// to stdout a line of JSON for each result. Exit codes: 1 something failed, the rest was measured; 3 there is no GPU.
#include <condition_variable>
#include <functional>
#include <future>
#include <iostream>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "batch.h"
#include "device/cuda.h"
#include "operations/image/image.h"
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

  // False when a part of it failed: the others are measured all the same.
  bool Run() {
    Part("the pipeline", [&] { MeasurePipeline(); });
    const auto provider = OpenTensorRt(library_, gpu_);
    const auto stream = gpu_.MakeStream();
    Part("the UNet", [&] { MeasureSteps(*provider, *stream); });
    Part("the VAE decoder", [&] { MeasureVae(*provider, *stream); });
    return whole_;
  }

 private:
  void Part(const std::string& name, const std::function<void()>& measure) {
    try {
      measure();
    } catch (const std::exception& error) {
      std::cerr << "Could not measure " << name << ": " << error.what() << std::endl;
      whole_ = false;
    }
  }

  static tensorrt::EngineLibrary Library(const Options& options) {
    const tensorrt::LibraryPaths paths{
        .provider = options.Text("--provider"), .core = options.Text("--core"), .parser = options.Text("--parser")};
    if (!paths.provider.empty()) return tensorrt::EngineLibrary(paths);
    return tensorrt::EngineLibrary(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), paths);
  }

  void Add(const std::string& name, int64_t rows, const std::string& unit, std::vector<double> values) {
    WriteResult(std::cout, {name, rows, unit, std::move(values)});
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
      Part("the UNet's profile " + std::to_string(&shapes - unet->profiles().data()), [&] {
        Batch batch(gpu_, stream, *unet, shapes, static_cast<size_t>(runs_) + 100);
        if (!answered) batch.WriteAnswers(options_.Text("--answers"));
        answered = true;
        AddTimes("UNet, engine alone", batch.rows(), Measure(stream, runs_, [&] { batch.Evaluate(); }));
        AddTimes("UNet and step kernels, queued", batch.rows(), Measure(stream, runs_, [&] { batch.Step(); }));
        batch.Rewind();
        AddTimes("UNet and step kernels, graph replayed", batch.rows(),
                 Measure(stream, runs_, [&] { batch.Replay(); }));
      });
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
               Quantise(stream, image.const_floats(), static_cast<int>(image_shape[2]),
                        static_cast<int>(image_shape[3]), rgb.data());
             }));
  }

  // Everything together, as the package runs it: what a step costs there, and the host.
  void MeasurePipeline() {
    const size_t before = FreeBytes();
    PipelineSource source;
    source.provider = OpenTensorRt(library_, gpu_);
    source.networks = {options_.Engine("--text-encoder", "textEncoder"), options_.Engine("--unet", "unet"),
                       options_.Engine("--vae-decoder", "vaeDecoder")};
    const int position = options_.Number("--identity-position");
    source.prompt = {std::vector<int32_t>(77), std::vector<int32_t>(77), position};
    source.pixels_per_latent = options_.Number("--pixels-per-latent");
    Interrupt interrupt;
    const auto began = std::chrono::steady_clock::now();
    const auto pipeline = Pipeline::Load(gpu_, source, nullptr, interrupt);
    const Disposal disposal(gpu_, *pipeline);
    Add("opening text encoder, UNet and VAE decoder", 0, "s", {Milliseconds(began) / 1e3});
    Add("GPU memory after loading", 0, "MiB", {MebibytesSince(before)});
    for (const uint32_t images : {1u, 8u}) {
      const auto steps = static_cast<uint32_t>(std::max(20, 2 * runs_));
      Generate(*pipeline, images, 5);  // captures the graph of this batch
      const Steps taken = Generate(*pipeline, images, steps);
      Add("a step in the pipeline", 2 * images, "ms", taken.milliseconds);
      Add("a step in the pipeline: the host's thread", 2 * images, "µs of the host", {taken.host_microseconds});
      Add("GPU memory with " + std::to_string(images) + " in work", 0, "MiB", {MebibytesSince(before)});
    }
  }

  struct Steps {
    std::vector<double> milliseconds;  // between the reports of two steps
    double host_microseconds;          // that a step takes of the thread that queues it; NaN: its clock is too coarse
  };

  Steps Generate(Pipeline& pipeline, uint32_t images, uint32_t steps) {
    std::promise<void> done;
    Steps taken;
    auto last = std::chrono::steady_clock::now();
    double host_at_first = 0, host_at_last = 0;
    GenerateRequest request{
        .embeddings = std::vector<float>(512, 0.1f),
        .identity_of_image = std::vector<uint32_t>(images, 0),
        .plan = {{.latents = 0, .noise = 1}, EvenPlan(steps)},
        .guidance_scale = 3,
        .seeds = {1},
        .width = options_.Number("--image-size"),
        .height = options_.Number("--image-size"),
        .latents = {},
        // On the thread that queues the steps, between two of them.
        .on_step =
            [&](uint32_t step, uint32_t) {
              if (step > 1) taken.milliseconds.push_back(Milliseconds(last));
              // While the last step is awaited none is queued any more: it does not count.
              if (step == 1) host_at_first = ThreadSeconds();
              if (step == steps - 1) host_at_last = ThreadSeconds();
              last = std::chrono::steady_clock::now();
            },
        .on_image = [](size_t, Image) {},
    };
    pipeline.Generate(std::move(request), [&](Outcome<std::monostate> outcome) {
      if (const auto* failed = std::get_if<1>(&outcome)) {
        done.set_exception(*failed);
      } else {
        done.set_value();
      }
    });
    done.get_future().get();
    const double seconds = host_at_last - host_at_first;
    const bool counts = seconds >= 10 * ThreadClockTick();
    taken.host_microseconds = counts ? seconds / (steps - 2) * 1e6 : std::numeric_limits<double>::quiet_NaN();
    return taken;
  }

  // Gives a pipeline back at the end, and waits until it is.
  class Disposal {
   public:
    Disposal(Device& gpu, Pipeline& pipeline) : gpu_(gpu), pipeline_(pipeline) {}
    ~Disposal() {
      std::promise<void> disposed;
      pipeline_.Dispose([&] { disposed.set_value(); });
      disposed.get_future().wait();
      for (const Lane lane : kLanes) {  // their last jobs still have hold of it
        std::promise<void> drained;
        ExecutorOf(gpu_, lane).Post([&] { drained.set_value(); });
        drained.get_future().wait();
      }
    }

   private:
    Device& gpu_;
    Pipeline& pipeline_;
  };

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
  bool whole_ = true;
};

int Main(const Options& options) {
  const CudaSurvey survey = FindCudaGpus();
  if (survey.gpus.empty()) {
    std::cerr << survey.obstacle << '\n';
    return kNoGpu;
  }
  Bench bench(options, CudaDevice(options.Number("--gpu")));
  return bench.Run() ? 0 : 1;
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
