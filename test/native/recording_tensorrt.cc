// TensorRT 10 and its parser, which build nothing: an engine file is what was called, each in a line, then a zero and
// the model that was parsed. It is of the version that the environment variable TEST_TENSORRT_VERSION names; what only
// a later one has ends the process. TEST_TENSORRT_FAILS names a call that fails, and how it tells the reason:
// "enqueueV3 logged". TEST_TENSORRT_LOGS is the number of messages that a build logs, TEST_TENSORRT_TIMED what it
// times, and TEST_TENSORRT_MEANWHILE a command to run during it. Compiled against NVIDIA's headers, whose classes call
// through a table of functions.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>

#include "provider/tensorrt/library/nvidia.h"
#include "tensorrt_version.h"

namespace {

nvinfer1::ILogger* logger = nullptr;
nvinfer1::IErrorRecorder* recorder = nullptr;  // the last that was set

// Whether the call is to fail; then tells the reason to the error recorder, the log, or both, where it is wrapped.
bool Fails(const std::string& call) {
  const char* const asked = std::getenv("TEST_TENSORRT_FAILS");
  std::istringstream words(asked == nullptr ? "" : asked);
  std::string name, how;
  words >> name >> how;
  if (name != call) return false;
  const std::string reason = call + " ran aground";
  const auto log = [&] {
    const std::string text = "2: [api.cpp::" + call + "::7] Error Code 2: Internal Error (" + reason + ")";
    logger->log(nvinfer1::ILogger::Severity::kERROR, text.c_str());
  };
  const auto record = [&] { recorder->reportError(nvinfer1::ErrorCode::kINTERNAL_ERROR, reason.c_str()); };
  if (how == "recorded" || how == "both") record();
  if (how == "logged" || how == "both") log();
  if (how == "elsewhere") std::thread(log).join();
  if (how == "differently") {
    record();
    logger->log(nvinfer1::ILogger::Severity::kERROR, "The sea is shallow here.");
    logger->log(nvinfer1::ILogger::Severity::kWARNING, "The tide is low.");
  }
  if (how == "endlessly") {
    for (int i = 0; i < 1000; ++i) {
      logger->log(nvinfer1::ILogger::Severity::kERROR, ("Rock " + std::to_string(i) + " was hit.").c_str());
    }
  }
  return true;
}

void SetRecorder(void*, nvinfer1::IErrorRecorder* one) { recorder = one; }

std::string calls;
std::string model;
std::string engine;

void Record(const std::string& call) { calls += call + "\n"; }
// What came with TensorRT 10.13.
void RecordNew(const std::string& call) {
  if (VersionPart(1) < 13) std::abort();
  Record(call);
}

void Finish() { engine = calls + '\0' + model; }

// An object whose virtual functions do nothing and return 0, but for those that are put in. As the Itanium ABI has it:
// a pointer to a virtual function is 1 more than its offset in the table that the object begins with a pointer to.
class Hollow {
 public:
  Hollow() { std::fill(std::begin(table_), std::end(table_), reinterpret_cast<void*>(Nothing)); }

  template <typename Member, typename Function>
  Hollow& Put(Member member, Function* function) {
    size_t offset;
    std::memcpy(&offset, &member, sizeof offset);
    table_[(offset - 1) / sizeof(void*)] = reinterpret_cast<void*>(function);
    return *this;
  }
  template <typename Object>
  Object* As() {
    return reinterpret_cast<Object*>(this);
  }

 private:
  static intptr_t Nothing() { return 0; }
  void** const begin_ = table_;
  void* table_[256];
};

// One of the classes that callers see, over a hollow object.
template <typename Interface>
class Shell final : public Interface {
 public:
  explicit Shell(Hollow& hollow) { this->mImpl = hollow.As<std::remove_pointer_t<decltype(this->mImpl)>>(); }
};

template <typename Interface>
Interface* Make() {
  static Hollow hollow;
  return new Shell<Interface>(hollow);
}

nvinfer1::INetworkDefinition* CreateNetwork(void*, nvinfer1::NetworkDefinitionCreationFlags flags) {
  if (Fails("createNetworkV2")) return nullptr;
  Record("createNetworkV2 " + std::to_string(flags));
  return Make<nvinfer1::INetworkDefinition>();
}

void Log() {
  const char* const count = std::getenv("TEST_TENSORRT_LOGS");
  for (int i = 0; i < (count == nullptr ? 0 : std::atoi(count)); ++i) {
    logger->log(nvinfer1::ILogger::Severity::kVERBOSE, ("message " + std::to_string(i)).c_str());
  }
}

std::string& Timings() {
  const char* const timed = std::getenv("TEST_TENSORRT_TIMED");
  static std::string timings = timed == nullptr ? "timed once" : timed;
  return timings;
}
nvinfer1::IHostMemory* SerializeTimings(const void*) {
  static std::string& timings = Timings();
  static Hollow hollow;
  hollow.Put(
            &nvinfer1::apiv::VHostMemory::data, +[](void*) -> void* { return timings.data(); })
      .Put(&nvinfer1::apiv::VHostMemory::size, +[](void*) { return timings.size(); });
  return new Shell<nvinfer1::IHostMemory>(hollow);
}
nvinfer1::ITimingCache* CreateTimingCache(void*, const void* data, size_t bytes) {
  static std::string given;
  given.assign(static_cast<const char*>(data), bytes);
  Record("createTimingCache " + given);
  static Hollow hollow;
  hollow.Put(&nvinfer1::apiv::VTimingCache::serialize, SerializeTimings)
      .Put(
          &nvinfer1::apiv::VTimingCache::combine, +[](void*, const void*, bool) {
            if (given != Timings()) Timings() += " and " + given;
            return true;
          });
  return new Shell<nvinfer1::ITimingCache>(hollow);
}

void* Data(void*) { return engine.data(); }
size_t Size(void*) { return engine.size(); }

nvinfer1::IHostMemory* Build(void*, void*, void*) {
  if (Fails("buildSerializedNetwork")) return nullptr;
  Record("buildSerializedNetwork");
  Finish();
  static Hollow hollow;
  hollow.Put(&nvinfer1::apiv::VHostMemory::data, Data).Put(&nvinfer1::apiv::VHostMemory::size, Size);
  return new Shell<nvinfer1::IHostMemory>(hollow);
}

bool BuildToStream(void*, void*, void*, nvinfer1::IStreamWriter* writer) {
  if (Fails("buildSerializedNetworkToStream")) return false;
  RecordNew("buildSerializedNetworkToStream");
  Log();
  if (const char* const command = std::getenv("TEST_TENSORRT_MEANWHILE")) static_cast<void>(!std::system(command));
  Finish();
  return writer->write(engine.data(), static_cast<int64_t>(engine.size())) > 0;
}

bool Parse(void*, const void* data, size_t bytes, const char*) {
  Record("parse");
  model.assign(static_cast<const char*>(data), bytes);
  return true;
}
bool LoadModel(void*, const void* data, size_t bytes, const char*) {
  RecordNew("loadModelProto");
  model.assign(static_cast<const char*>(data), bytes);
  return true;
}
bool LoadInitializer(void*, const char* name, const void*, size_t bytes) {
  RecordNew("loadInitializer " + std::string(name) + " " + std::to_string(bytes));
  return true;
}
bool ParseLoaded(void*) {
  if (Fails("parseModelProto")) return false;
  RecordNew("parseModelProto");
  return true;
}

int32_t AddProfile(void*, const nvinfer1::IOptimizationProfile*) { return Fails("addOptimizationProfile") ? -1 : 0; }

nvinfer1::IBuilderConfig* CreateConfig(void*) {
  if (Fails("createBuilderConfig")) return nullptr;
  using nvinfer1::apiv::VBuilderConfig;
  static Hollow hollow;
  hollow.Put(&VBuilderConfig::createTimingCache, CreateTimingCache)
      .Put(
          &VBuilderConfig::setTimingCache, +[](void*, const void*, bool) { return true; })
      .Put(&VBuilderConfig::addOptimizationProfile, AddProfile);
  return new Shell<nvinfer1::IBuilderConfig>(hollow);
}
int32_t One(void*) { return 1; }
bool Yes(void*, int32_t, cudaStream_t) { return true; }
bool Enqueue(void*, cudaStream_t) { return !Fails("enqueueV3"); }
size_t ContextBytes(void*) { return Fails("updateDeviceMemorySizeForShapes") ? 0 : 256; }

nvinfer1::IExecutionContext* CreateContext(void*, nvinfer1::ExecutionContextAllocationStrategy) {
  using nvinfer1::apiv::VExecutionContext;
  if (Fails("createExecutionContext")) return nullptr;
  static Hollow hollow;
  hollow.Put(&VExecutionContext::setErrorRecorder, SetRecorder)
      .Put(&VExecutionContext::setOptimizationProfileAsync, Yes)
      .Put(&VExecutionContext::updateDeviceMemorySizeForShapes, ContextBytes)
      .Put(&VExecutionContext::enqueueV3, Enqueue);
  return new Shell<nvinfer1::IExecutionContext>(hollow);
}

nvinfer1::ICudaEngine* Deserialize(void*, const void*, size_t) {
  using nvinfer1::apiv::VCudaEngine;
  if (Fails("deserializeCudaEngine")) return nullptr;
  static Hollow hollow;
  nvinfer1::IExecutionContext* (VCudaEngine::* const create)(nvinfer1::ExecutionContextAllocationStrategy) noexcept =
      &VCudaEngine::createExecutionContext;
  hollow.Put(&VCudaEngine::setErrorRecorder, SetRecorder)
      .Put(&VCudaEngine::getNbOptimizationProfiles, One)
      .Put(create, CreateContext);
  return new Shell<nvinfer1::ICudaEngine>(hollow);
}

}  // namespace

extern "C" {
ARC2FACE_EXPORT int getNvOnnxParserVersion() { return NV_ONNX_PARSER_VERSION; }

ARC2FACE_EXPORT void* createInferRuntime_INTERNAL(void* given, int32_t) {
  using nvinfer1::apiv::VRuntime;
  logger = static_cast<nvinfer1::ILogger*>(given);
  static Hollow hollow;
  nvinfer1::ICudaEngine* (VRuntime::* const deserialize)(const void*, size_t) noexcept =
      &VRuntime::deserializeCudaEngine;
  hollow.Put(&VRuntime::setErrorRecorder, SetRecorder).Put(deserialize, Deserialize);
  return new Shell<nvinfer1::IRuntime>(hollow);
}

ARC2FACE_EXPORT void* createInferBuilder_INTERNAL(void*, int32_t) {
  using nvinfer1::apiv::VBuilder;
  static Hollow hollow;
  hollow.Put(&VBuilder::setErrorRecorder, SetRecorder)
      .Put(&VBuilder::createNetworkV2, CreateNetwork)
      .Put(&VBuilder::createBuilderConfig, CreateConfig)
      .Put(
          &VBuilder::createOptimizationProfile, +[](void*) { return Make<nvinfer1::IOptimizationProfile>(); })
      .Put(&VBuilder::buildSerializedNetwork, Build)
      .Put(&VBuilder::buildSerializedNetworkToStream, BuildToStream);
  return new Shell<nvinfer1::IBuilder>(hollow);
}

ARC2FACE_EXPORT void* createNvOnnxParser_INTERNAL(void*, void*, int) {
  using nvonnxparser::IParser;
  static Hollow hollow;
  hollow.Put(&IParser::parse, Parse)
      .Put(&IParser::loadModelProto, LoadModel)
      .Put(&IParser::loadInitializer, LoadInitializer)
      .Put(&IParser::parseModelProto, ParseLoaded);
  return hollow.As<IParser>();
}
}
