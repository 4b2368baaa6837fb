// Engines built earlier, and what is compiled from them: opened from files that may be wrong in any way.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "faulty_engines.h"
#include "onnx_graph.h"
#include "provider/tensorrt/build.h"
#include "provider/tensorrt/tensorrt.h"
#include "temporary_folder.h"

namespace arc2face::testing {
namespace {

// The stand-in's table, which counts calls and lets a test watch.
struct Watch {
  const Arc2FaceEngineApi* real = nullptr;
  int runs = 0, saves = 0;
  std::function<void()> before_opening;
  Arc2FaceStatus saved = ARC2FACE_OK;  // what SaveCompiled returns after writing
};
Watch watch;

const Arc2FaceEngineApi& WatchedApi() {
  static Arc2FaceEngineApi api = [] {
    watch.real = &tensorrt::OpenEngineApi(ARC2FACE_STAND_IN);
    Arc2FaceEngineApi watched = *watch.real;
    watched.OpenEngine = [](Arc2FaceLibrary* library, const void* data, uint64_t bytes, Arc2FaceEngine** engine,
                            Arc2FaceMessage* message) {
      if (watch.before_opening) watch.before_opening();
      return watch.real->OpenEngine(library, data, bytes, engine, message);
    };
    watched.Enqueue = [](Arc2FaceContext* context, void* stream, Arc2FaceMessage* message) {
      ++watch.runs;
      return watch.real->Enqueue(context, stream, message);
    };
    watched.SaveCompiled = [](Arc2FaceEngine* engine, int32_t (*write)(void*, const void*, uint64_t), void* user,
                              Arc2FaceMessage* message) {
      ++watch.saves;
      const Arc2FaceStatus status = watch.real->SaveCompiled(engine, write, user, message);
      return status == ARC2FACE_OK ? watch.saved : status;
    };
    return watched;
  }();
  return api;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class EngineFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    watch.runs = 0;
    watch.saves = 0;
    const std::string model = onnx::Model({{"Relu", {"x"}, {"y"}}}, {}, {{"x", DataType::kFloat32, {-1, 5}}},
                                          {{"y", DataType::kFloat32, {-1, 5}}});
    NetworkSource source{.name = "small", .graph = onnx::Bytes(model), .weights = {}, .maps = {}};
    for (const int64_t rows : {1, 2, 4}) source.profiles.push_back({{"x", {rows, 5}}});
    Interrupt interrupt;
    tensorrt::BuildEngine(
        library, source, {}, nullptr,
        [&](std::span<const std::byte> part) { bytes.append(reinterpret_cast<const char*>(part.data()), part.size()); },
        interrupt);
    folder.Write("a.engine", bytes);
  }
  void TearDown() override {
    watch.before_opening = nullptr;
    watch.saved = ARC2FACE_OK;
  }

  std::unique_ptr<Network> Open(const std::string& compiled = "") { return OpenWith(library, compiled); }
  std::unique_ptr<Network> OpenWith(const tensorrt::EngineLibrary& with, const std::string& compiled) {
    Interrupt interrupt;
    NetworkSource source{.name = "small", .graph = {}, .weights = {}, .maps = {}};
    source.engine = EngineFile{.path = folder.path("a.engine"), .compiled = compiled};
    return OpenTensorRt(with, HostDevice())->Load(source, *stream, interrupt);
  }
  void ExpectToRun(Network& network) {
    const std::vector<float> x(10, 0.5f);
    std::vector<float> y(10, -7);
    const Tensor input{DataType::kFloat32, {2, 5}, const_cast<float*>(x.data())};
    const Tensor output{DataType::kFloat32, {2, 5}, y.data()};
    Interrupt interrupt;
    network.Run({&input, 1}, {&output, 1}, *stream, interrupt);
    for (const float value : y) EXPECT_TRUE(value > -1 && value < 1) << value;
  }
  // InvalidEngine's message, which must name the network.
  std::string Refusal() {
    try {
      Open();
    } catch (const InvalidEngine& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidEngine);
      EXPECT_EQ(error.details().network, "small");
      return error.what();
    }
    ADD_FAILURE() << "nothing thrown";
    return "";
  }
  // Names of the files in the folder, sorted.
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path("."))) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  const tensorrt::EngineLibrary library{WatchedApi(), {}};
  const std::unique_ptr<Stream> stream = HostDevice().MakeStream();
  TemporaryFolder folder;
  std::string bytes;
};

TEST_F(EngineFiles, AreOpened) {
  const auto network = Open();
  EXPECT_EQ(network->inputs()[0].name, "x");
  ExpectToRun(*network);
}

TEST_F(EngineFiles, AreRefusedWhenTheyAreDamagedShortOrNotThere) {
  for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    folder.Write("a.engine", damaged);
    EXPECT_NE(Refusal().find("small"), std::string::npos);
  }
  for (const size_t size : {size_t{0}, size_t{1}, bytes.size() - 1}) {
    folder.Write("a.engine", bytes.substr(0, size));
    Refusal();
  }
  std::filesystem::remove(folder.path("a.engine"));
  EXPECT_NE(Refusal().find(folder.path("a.engine")), std::string::npos);
}

TEST_F(EngineFiles, ThatBecomeShorterWhileTheyAreOpenedAreRefused) {
  watch.before_opening = [&] { std::filesystem::resize_file(folder.path("a.engine"), 0); };
  EXPECT_NE(Refusal().find("became shorter"), std::string::npos);
}

TEST_F(EngineFiles, AreCompiledOnceAndThenReadFromTheFileBeside) {
  const std::string compiled = folder.path("a.compiled");
  ExpectToRun(*Open(compiled));
  EXPECT_EQ(watch.saves, 1);
  EXPECT_EQ(Names(), (std::vector<std::string>{"a.compiled", "a.engine"}));
  const std::string kept = ReadFile(compiled);
  EXPECT_FALSE(kept.empty());
  ExpectToRun(*Open(compiled));
  EXPECT_EQ(watch.saves, 1);
  // Another driver's is replaced.
  folder.Write("a.compiled", "of another driver");
  ExpectToRun(*Open(compiled));
  EXPECT_EQ(ReadFile(compiled), kept);
  EXPECT_EQ(Names(), (std::vector<std::string>{"a.compiled", "a.engine"}));
}

TEST_F(EngineFiles, RunOnceWhenTheyAreOpenedSoThatTheFirstCallIsAsFastAsTheSecond) {
  for (const char* compiled : {"", "a.compiled", "a.compiled"}) {  // TensorRT's; RTX's before and after the first run
    watch.runs = 0;
    const auto network = Open(*compiled == 0 ? "" : folder.path(compiled));
    EXPECT_EQ(watch.runs, 3);  // each profile
    ExpectToRun(*network);
    EXPECT_EQ(watch.runs, 3 + 1);
  }
}

TEST_F(EngineFiles, AreOpenedAlsoWhereNothingCanBeKept) {
  ExpectToRun(*Open(folder.path("nowhere/a.compiled")));
  std::filesystem::create_directory(folder.path("b.compiled"));
  folder.Write("b.compiled/file", "in the way");
  ExpectToRun(*Open(folder.path("b.compiled")));
  watch.saved = ARC2FACE_FAILED;
  ExpectToRun(*Open(folder.path("a.compiled")));
  EXPECT_EQ(Names(), (std::vector<std::string>{"a.engine", "b.compiled"}));
}

TEST_F(EngineFiles, AreBuiltAtOnceAndTheTimingsOfBothBuildsAreKept) {
  const std::string model = onnx::Model({{"Relu", {"x"}, {"y"}}}, {}, {{"x", DataType::kFloat32, {-1, 5}}},
                                        {{"y", DataType::kFloat32, {-1, 5}}});
  const std::string timings = folder.path("gpu.timings");
  const auto build = [&](const std::string& name, const tensorrt::BuildProgress& progress) {
    NetworkSource source{.name = name, .graph = onnx::Bytes(model), .weights = {}, .maps = {}};
    source.profiles.push_back({{"x", {1, 5}}});
    Interrupt interrupt;
    tensorrt::BuildEngine(
        library, source, {.timings = timings}, progress, [](std::span<const std::byte>) {}, interrupt);
  };
  build("first", nullptr);
  bool begun = false;
  build("slow", [&](const std::string&, int, int) {
    if (!std::exchange(begun, true)) build("quick", nullptr);  // as another process would
  });
  const std::string kept = ReadFile(timings);
  EXPECT_EQ(kept.substr(0, kept.size() - sizeof(uint64_t)), "timings of the stand-in\nfirst\nquick\nslow\n");
}

// Each call of the ABI fails once, with and without compiled data: there is a typed error, or the engine runs, and
// nothing stays open or half-written.
TEST_F(EngineFiles, SurviveAFaultAtEachCall) {
  const Arc2FaceEngineApi& api = FaultyApi(tensorrt::OpenEngineApi(ARC2FACE_STAND_IN));
  faults.Restart(-1);
  const tensorrt::EngineLibrary faulty(api, {});
  const std::string compiled = folder.path("a.compiled");
  for (const auto& [status, code] : {std::pair{ARC2FACE_FAILED, ErrorCode::kEngineFailed},
                                     std::pair{ARC2FACE_OUT_OF_MEMORY, ErrorCode::kOutOfMemory},
                                     std::pair{ARC2FACE_INVALID_ENGINE, ErrorCode::kInvalidEngine}}) {
    faults.status = status;
    for (const bool is_compiled : {false, true}) {
      int failures = 0;
      for (int at = 0;; ++at) {
        std::filesystem::remove(compiled);
        faults.Restart(-1);
        if (is_compiled) OpenWith(faulty, compiled);
        faults.Restart(at);
        try {
          const auto network = OpenWith(faulty, compiled);
          const bool reached = faults.calls > at;
          faults.fail_at = -1;
          ExpectToRun(*network);
          if (!reached) break;
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), code) << "call " << at << ": " << error.what();
          ++failures;
        }
        EXPECT_EQ(faults.contexts, 0) << "call " << at;
        EXPECT_EQ(faults.engines, 0) << "call " << at;
        for (const std::string& name : Names()) EXPECT_FALSE(name.ends_with(".part")) << "call " << at;
      }
      EXPECT_GT(failures, 10);
    }
  }
}

TEST_F(EngineFiles, RunWhereTheirLibrarySays) {
  EXPECT_EQ(&EngineDevice(library, 9999), &HostDevice());
  Arc2FaceEngineApi on_gpu = WatchedApi();
  on_gpu.host_memory = 0;
  try {
    EngineDevice(tensorrt::EngineLibrary(on_gpu, {}), 9999);
    FAIL() << "there is a cuda:9999";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNoDevice) << error.what();
  }
}

}  // namespace
}  // namespace arc2face::testing
