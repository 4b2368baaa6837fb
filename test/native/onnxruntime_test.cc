// The provider with the real library; ARC2FACE_ONNXRUNTIME may name another than onnxruntime-node's.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "device/device.h"
#include "error.h"
#include "onnx_graph.h"
#include "provider/provider.h"
#include "temporary_folder.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace arc2face {
namespace {

using onnx::Bytes;
using onnx::Model;

std::string LibraryPath() {
  if (const char* named = std::getenv("ARC2FACE_ONNXRUNTIME"); named != nullptr && *named != '\0') return named;
#ifdef __aarch64__
  const std::string arch = "arm64";
#else
  const std::string arch = "x64";
#endif
#ifdef __APPLE__
  const std::string file = "darwin/" + arch + "/libonnxruntime.1.dylib";
#else
  const std::string file = "linux/" + arch + "/libonnxruntime.so.1";
#endif
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  return (root / "node_modules/onnxruntime-node/bin/napi-v6" / file).string();
}

// Runs `action`, expects an error of `code`, and returns its message.
template <typename Action>
std::string Failure(ErrorCode code, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_STREQ(Name(error.code()), Name(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing thrown";
  return {};
}

void ExpectContains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nhas no " << part;
}

template <typename T>
Weight MakeWeight(const std::string& name, DataType type, std::vector<int64_t> shape, const T* data) {
  size_t bytes = arc2face::Bytes(type);
  for (const int64_t size : shape) bytes *= static_cast<size_t>(size);
  return {name, type, std::move(shape), reinterpret_cast<const std::byte*>(data), bytes};
}

class OnnxRuntime : public testing::Test {
 protected:
  static void SetUpTestSuite() {
#ifdef __SANITIZE_ADDRESS__
    // Opening the library leaks a few bytes, once in a process. Later leaks are ours.
    const __lsan::ScopedDisabler disabler;
#endif
    OpenOnnxRuntime(LibraryPath(), 0);
  }

  std::unique_ptr<Network> Load(const std::string& model, std::vector<Weight> weights = {},
                                std::vector<std::shared_ptr<const MemoryMap>> maps = {}) {
    return provider_->Load({"sample", Bytes(model), std::move(weights), std::move(maps)}, *HostDevice().MakeStream(),
                           interrupt_);
  }
  void Run(Network& network, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
    network.Run(inputs, outputs, *HostDevice().MakeStream(), interrupt_);
  }

  const std::unique_ptr<Provider> provider_ = OpenOnnxRuntime(LibraryPath(), 2);
  Interrupt interrupt_;
  // y [n, 2] = x [n, 2] * w [2]
  const std::string product_ = Model({{"Mul", {"x", "w"}, {"y"}}}, {{"w", DataType::kFloat32, {2}}},
                                     {{"x", DataType::kFloat32, {-1, 2}}}, {{"y", DataType::kFloat32, {-1, 2}}});
  const float w_[2] = {2, 3};
  const Weight weight_ = MakeWeight("w", DataType::kFloat32, {2}, w_);
  float x_[4] = {1, 10, 100, 1000};
  float y_[4] = {};
  const Tensor input_{DataType::kFloat32, {2, 2}, x_};
  const Tensor output_{DataType::kFloat32, {2, 2}, y_};
};

TEST_F(OnnxRuntime, TellsNameAndVersion) {
  EXPECT_STREQ(provider_->name(), "onnxruntime");
  EXPECT_EQ(provider_->version().rfind("1.", 0), 0u) << provider_->version();
}

TEST_F(OnnxRuntime, PrefersBatchesThatFitIntoMemory) {
  EXPECT_EQ(provider_->PreferredRows(64, 64), 4u);
  EXPECT_EQ(provider_->PreferredRows(96, 64), 2u);
  EXPECT_EQ(provider_->PreferredRows(512, 512), 2u);
  EXPECT_EQ(provider_->PreferredRows(8, 8), 256u);
}

TEST_F(OnnxRuntime, DescribesItsTensors) {
  const auto network = Load(product_, {weight_});
  ASSERT_EQ(network->inputs().size(), 1u);
  EXPECT_EQ(network->inputs()[0].name, "x");
  EXPECT_EQ(network->inputs()[0].type, DataType::kFloat32);
  EXPECT_EQ(network->inputs()[0].shape, (std::vector<int64_t>{-1, 2}));
  ASSERT_EQ(network->outputs().size(), 1u);
  EXPECT_EQ(network->outputs()[0].name, "y");
}

TEST_F(OnnxRuntime, RunsInAndOutOfTheCallersMemory) {
  const auto network = Load(product_, {weight_});
  Run(*network, {input_}, {output_});
  EXPECT_EQ(std::vector<float>(y_, y_ + 4), (std::vector<float>{2, 30, 200, 3000}));
  Run(*network, {{DataType::kFloat32, {1, 2}, x_ + 2}}, {{DataType::kFloat32, {1, 2}, y_}});
  EXPECT_EQ(std::vector<float>(y_, y_ + 4), (std::vector<float>{200, 3000, 200, 3000}));
  Run(*network, {{DataType::kFloat32, {0, 2}, x_}}, {{DataType::kFloat32, {0, 2}, y_}});
}

TEST_F(OnnxRuntime, TakesWeightsOfAnyTypeAndPlace) {
  std::vector<unsigned char> bytes(3 * 8 + 8);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i % 2);  // as bool: true or false
  for (int t = 0; t <= static_cast<int>(DataType::kBool); ++t) {
    const auto type = static_cast<DataType>(t);
    const std::string model = Model({{"Identity", {"w"}, {"y"}}}, {{"w", type, {3}}}, {}, {{"y", type, {3}}});
    for (const size_t offset : {0, 1}) {
      SCOPED_TRACE(std::string(Name(type)) + " at " + std::to_string(offset));
      const auto network = Load(model, {MakeWeight("w", type, {3}, bytes.data() + offset)});
      std::vector<unsigned char> got(3 * arc2face::Bytes(type));
      Run(*network, {}, {{type, {3}, got.data()}});
      EXPECT_EQ(std::memcmp(got.data(), bytes.data() + offset, got.size()), 0);
    }
  }
}

TEST_F(OnnxRuntime, RefusesTensorsThatDoNotFit) {
  const auto network = Load(product_, {weight_});
  const auto failure = [&](const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
    return Failure(ErrorCode::kInvalidArgument, [&] { Run(*network, inputs, outputs); });
  };
  ExpectContains(failure({}, {output_}), "Expected 1 tensors as inputs for the network sample but received 0.");
  ExpectContains(failure({input_}, {output_, output_}), "Expected 1 tensors as outputs");
  ExpectContains(failure({{DataType::kInt32, {2, 2}, x_}}, {output_}),
                 "Expected float32 [?, 2] for the input x of the network sample but received int32 [2, 2].");
  ExpectContains(failure({{DataType::kFloat32, {2, 1}, x_}}, {output_}), "received float32 [2, 1]");
  ExpectContains(failure({{DataType::kFloat32, {4}, x_}}, {output_}), "received float32 [4]");
  ExpectContains(failure({{DataType::kFloat32, {-1, 2}, x_}}, {output_}), "received float32 [?, 2]");
  ExpectContains(failure({{DataType::kFloat32, {INT64_MAX, 2}, x_}}, {output_}), "fits into memory");
  // Only the run itself can know that an output of this size is wrong.
  ExpectContains(failure({input_}, {{DataType::kFloat32, {1, 2}, y_}}), "sample");
  EXPECT_EQ(y_[0], 0);
}

TEST_F(OnnxRuntime, NamesNetworkAndWeightThatItRefuses) {
  const auto failure = [&](const std::string& model, const std::vector<Weight>& weights) {
    const std::string message = Failure(ErrorCode::kInvalidWeights, [&] { Load(model, weights); });
    ExpectContains(message, "network sample");
    return message;
  };
  failure("", {});
  failure("no protocol buffer", {});
  failure(product_.substr(0, product_.size() / 2), {weight_});
  failure(product_, {});
  failure(product_, {MakeWeight("v", DataType::kFloat32, {2}, w_)});
  failure(product_, {MakeWeight("w", DataType::kInt32, {2}, w_)});
  failure(product_, {MakeWeight("w", DataType::kFloat32, {1}, w_)});
  ExpectContains(failure(product_, {{"w", DataType::kFloat32, {2}, weight_.data, 7}}),
                 "Expected 8 bytes for the weight w of the network sample but received 7.");
  ExpectContains(failure(product_, {{"w", DataType::kFloat32, {INT64_MAX, 9}, weight_.data, 8}}), "the weight w");
  failure(
      Model({{"NoSuchOperator", {"x"}, {"y"}}}, {}, {{"x", DataType::kFloat32, {1}}}, {{"y", DataType::kFloat32, {1}}}),
      {});
}

TEST_F(OnnxRuntime, SaysThatMemoryIsNotEnough) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's operator new ends the process instead of throwing";
#endif
  // The outer product of a million numbers takes 4 TB.
  const auto network = Load(Model({{"MatMul", {"x", "z"}, {"big"}}, {"ReduceMax", {"big"}, {"y"}}}, {},
                                  {{"x", DataType::kFloat32, {-1, 1}}, {"z", DataType::kFloat32, {1, -1}}},
                                  {{"y", DataType::kFloat32, {1, 1}}}));
  constexpr int64_t kSize = 1 << 20;
  std::vector<float> numbers(kSize, 1.0f);
  const Tensor column{DataType::kFloat32, {kSize, 1}, numbers.data()},
      row{DataType::kFloat32, {1, kSize}, numbers.data()};
  const Tensor largest{DataType::kFloat32, {1, 1}, y_};
  ExpectContains(Failure(ErrorCode::kOutOfMemory, [&] { Run(*network, {column, row}, {largest}); }), "network sample");
  const Tensor one{DataType::kFloat32, {1, 1}, numbers.data()};
  Run(*network, {one, one}, {largest});
  EXPECT_EQ(y_[0], 1);
}

TEST_F(OnnxRuntime, DoesNotStartWhatWasCancelled) {
  const auto network = Load(product_, {weight_});
  interrupt_.Request();
  Failure(ErrorCode::kCancelled, [&] { Run(*network, {input_}, {output_}); });
  EXPECT_EQ(y_[0], 0);
  Failure(ErrorCode::kCancelled, [&] { Load(product_, {weight_}); });
}

TEST_F(OnnxRuntime, DoesNotSumWhatWasCancelled) {
  // Whoever sums would find that nothing fits.
  Weight sum = weight_;
  const StoredTensor none{
      .name = "none", .file = "/lora", .type = DataType::kFloat32, .shape = {}, .data = nullptr, .bytes = 0};
  sum.deltas = {{.factor = 1, .up = none, .down = none}};
  ExpectContains(Failure(ErrorCode::kInvalidWeights, [&] { Load(product_, {sum}); }), "none of /lora");
  interrupt_.Request();
  Failure(ErrorCode::kCancelled, [&] { Load(product_, {sum}); });
}

TEST_F(OnnxRuntime, StopsInTheMiddleOfARun) {
  // Minutes of work, so that only an interrupt can end it soon.
  constexpr int64_t kSize = 1024;
  constexpr int kProducts = 4000;
  std::vector<onnx::Node> nodes;
  for (int i = 0; i < kProducts; ++i) {
    nodes.push_back({"MatMul", {i == 0 ? "x" : "h" + std::to_string(i), "x"}, {"h" + std::to_string(i + 1)}});
  }
  nodes.push_back({"Identity", {"h" + std::to_string(kProducts)}, {"y"}});
  std::vector<float> x(kSize * kSize), y(kSize * kSize);
  const auto network =
      Load(Model(nodes, {}, {{"x", DataType::kFloat32, {-1, -1}}}, {{"y", DataType::kFloat32, {-1, -1}}}));
  std::chrono::steady_clock::time_point requested;
  std::thread requester([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    requested = std::chrono::steady_clock::now();
    interrupt_.Request();
  });
  Failure(ErrorCode::kCancelled, [&] {
    Run(*network, {{DataType::kFloat32, {kSize, kSize}, x.data()}}, {{DataType::kFloat32, {kSize, kSize}, y.data()}});
  });
  const auto stopped = std::chrono::steady_clock::now();
  requester.join();
  // It stops between two products, of 10 ms each on a slow core; the rest is for a busy machine.
  EXPECT_LT(stopped - requested, std::chrono::seconds(5));

  Interrupt another;
  const Tensor one{DataType::kFloat32, {1, 1}, x.data()}, result{DataType::kFloat32, {1, 1}, y.data()};
  network->Run({&one, 1}, {&result, 1}, *HostDevice().MakeStream(), another);
}

TEST_F(OnnxRuntime, NamesTheFileThatBecameShorterUnderIt) {
  constexpr int64_t kSize = 1 << 16;
  const std::string model = Model({{"Mul", {"x", "w"}, {"y"}}}, {{"w", DataType::kFloat32, {kSize}}},
                                  {{"x", DataType::kFloat32, {kSize}}}, {{"y", DataType::kFloat32, {kSize}}});
  std::vector<float> x(kSize, 1.0f), y(kSize);
  const Tensor input{DataType::kFloat32, {kSize}, x.data()}, output{DataType::kFloat32, {kSize}, y.data()};
  const TemporaryFolder folder;
  const std::string path = folder.Write("weights.bin", std::string(kSize * sizeof(float), '\1'));
  std::shared_ptr<const MemoryMap> map = MemoryMap::Open(path);
  const Weight weight = MakeWeight("w", DataType::kFloat32, {kSize}, map->data());
  const auto network = Load(model, {weight}, {map});
  map.reset();  // the network keeps it
  Run(*network, {input}, {output});

  ASSERT_EQ(truncate(path.c_str(), 5000), 0);
  ExpectContains(Failure(ErrorCode::kInvalidWeights, [&] { Run(*network, {input}, {output}); }), path);
  EXPECT_EQ(y[kSize - 1], 0);

  folder.Write("weights.bin", std::string(kSize * sizeof(float), '\1'));
  map = MemoryMap::Open(path);
  ASSERT_EQ(truncate(path.c_str(), 5000), 0);
  ExpectContains(Failure(ErrorCode::kInvalidWeights,
                         [&] { Load(model, {MakeWeight("w", DataType::kFloat32, {kSize}, map->data())}, {map}); }),
                 path);
}

TEST_F(OnnxRuntime, ReadsItsWeightsOnceToFindFaultyOnes) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  float sound[2] = {1, 2}, faulty[2] = {1, nan};
  const auto one = Load(product_, {MakeWeight("w", DataType::kFloat32, {2}, sound)});
  const auto other = Load(product_, {MakeWeight("w", DataType::kFloat32, {2}, faulty)});
  EXPECT_FALSE(one->FindFaultyWeight());
  ASSERT_TRUE(other->FindFaultyWeight());
  EXPECT_EQ(other->FindFaultyWeight()->tensor, "w");

  std::swap(sound, faulty);
  EXPECT_FALSE(one->FindFaultyWeight());
  EXPECT_TRUE(other->FindFaultyWeight());
}

TEST_F(OnnxRuntime, ServesProvidersOfSeveralThreads) {
  std::vector<std::thread> threads;
  std::vector<float> results(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto provider = OpenOnnxRuntime(LibraryPath(), t);
      Interrupt interrupt;
      for (int i = 0; i < 5; ++i) {
        const auto network =
            provider->Load({"sample", Bytes(product_), {weight_}, {}}, *HostDevice().MakeStream(), interrupt);
        float y[4];
        const Tensor output{DataType::kFloat32, {2, 2}, y};
        network->Run({&input_, 1}, {&output, 1}, *HostDevice().MakeStream(), interrupt);
        results[t] = y[3];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results, std::vector<float>(4, 3000));
}

#ifdef __linux__
TEST_F(OnnxRuntime, LeavesThePlacingOfItsThreadsToTheSystem) {
  const auto network = OpenOnnxRuntime(LibraryPath(), 0)
                           ->Load({"sample", Bytes(product_), {weight_}, {}}, *HostDevice().MakeStream(), interrupt_);
  cpu_set_t own;
  ASSERT_EQ(sched_getaffinity(0, sizeof own, &own), 0);
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    cpu_set_t its;
    ASSERT_EQ(sched_getaffinity(std::stoi(thread.path().filename()), sizeof its, &its), 0);
    EXPECT_TRUE(CPU_EQUAL(&own, &its)) << thread.path();
  }
}
#endif

class OnnxRuntimeLibrary : public testing::Test {
 protected:
  static std::string OpenFailure(const std::string& path) {
    const std::string message = Failure(ErrorCode::kNoDevice, [&] { OpenOnnxRuntime(path, 0); });
    ExpectContains(message, path);
    return message;
  }

  const TemporaryFolder folder_;
};

TEST_F(OnnxRuntimeLibrary, MustExistAndBeALibrary) {
  OpenFailure(folder_.path("missing.so"));
  OpenFailure(folder_.path(""));
  OpenFailure(folder_.Write("empty.so", ""));
  OpenFailure(
      folder_.Write("text.so", "This is a text, and longer than the header of a shared library is. It is no program."));
}

TEST_F(OnnxRuntimeLibrary, MustBeWhole) {
  std::ifstream file(LibraryPath(), std::ios::binary);
  std::string bytes(1 << 20, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (const size_t size : {10, 70, 1000, 1 << 20}) OpenFailure(folder_.Write("part.so", bytes.substr(0, size)));
}

// Builds a library from C source, or returns an empty path without a compiler.
std::string Build(const TemporaryFolder& folder, const std::string& name, const std::string& source) {
  const std::string input = folder.Write(name + ".c", source);
  const std::string output = folder.path(name + ".so");
  const std::string command = "cc -shared -fPIC -o '" + output + "' '" + input + "'";
  return std::system(command.c_str()) == 0 ? output : "";
}

// A library with ONNX Runtime's export, the given version, and functions that all fail.
std::string FakeLibrary(const std::string& version) {
  return R"(
    static const char* Fail(void) { return "this is a fake"; }
    static const void* table[400];
    static const void* GetApi(unsigned version) {
      for (int i = 0; i < 400; ++i) table[i] = (const void*)Fail;
      return table;
    }
    static const char* GetVersion(void) { return ")" +
         version + R"("; }
    static const void* base[] = {(const void*)GetApi, (const void*)GetVersion};
    const void* OrtGetApiBase(void) { return base; }
  )";
}

TEST_F(OnnxRuntimeLibrary, MustBeOnnxRuntimeOfAVersionThatIsKnown) {
  const std::string other = Build(folder_, "other", "int answer(void) { return 42; }");
  if (other.empty()) GTEST_SKIP() << "there is no C compiler to build a library with";
  ExpectContains(OpenFailure(other), "OrtGetApiBase");
  ExpectContains(OpenFailure(Build(folder_, "old", FakeLibrary("1.17.3"))), "received version 1.17.3");
  ExpectContains(OpenFailure(Build(folder_, "odd", FakeLibrary("no version"))), "received version no version");
}

TEST_F(OnnxRuntimeLibrary, MustWork) {
  const std::string fake = Build(folder_, "fake", FakeLibrary("1.99.0"));
  if (fake.empty()) GTEST_SKIP() << "there is no C compiler to build a library with";
  ExpectContains(OpenFailure(fake), "this is a fake");
  EXPECT_EQ(OpenFailure(fake), OpenFailure(fake));
}

}  // namespace
}  // namespace arc2face
