// TensorRT 10 and its parser, which build nothing: an engine file is what was called, each in a line, then a zero and
// the model that was parsed. It is of the version that the environment variable TEST_TENSORRT_VERSION names; what only
// a later one has ends the process. Compiled against NVIDIA's headers, whose classes call through a table of functions.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <type_traits>

#include "provider/tensorrt/abi.h"
#include "provider/tensorrt/library/nvidia.h"

namespace {

int32_t VersionPart(int index) {
  int32_t parts[4] = {};
  const char* const version = std::getenv("TEST_TENSORRT_VERSION");
  if (version != nullptr) std::sscanf(version, "%d.%d.%d.%d", &parts[0], &parts[1], &parts[2], &parts[3]);
  return parts[index];
}

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
  Record("createNetworkV2 " + std::to_string(flags));
  return Make<nvinfer1::INetworkDefinition>();
}

void* Data(void*) { return engine.data(); }
size_t Size(void*) { return engine.size(); }

nvinfer1::IHostMemory* Build(void*, void*, void*) {
  Record("buildSerializedNetwork");
  Finish();
  static Hollow hollow;
  hollow.Put(&nvinfer1::apiv::VHostMemory::data, Data).Put(&nvinfer1::apiv::VHostMemory::size, Size);
  return new Shell<nvinfer1::IHostMemory>(hollow);
}

bool BuildToStream(void*, void*, void*, nvinfer1::IStreamWriter* writer) {
  RecordNew("buildSerializedNetworkToStream");
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
  RecordNew("parseModelProto");
  return true;
}

}  // namespace

extern "C" {
ARC2FACE_EXPORT int32_t getInferLibMajorVersion() { return VersionPart(0); }
ARC2FACE_EXPORT int32_t getInferLibMinorVersion() { return VersionPart(1); }
ARC2FACE_EXPORT int32_t getInferLibPatchVersion() { return VersionPart(2); }
ARC2FACE_EXPORT int32_t getInferLibBuildVersion() { return VersionPart(3); }
ARC2FACE_EXPORT int getNvOnnxParserVersion() { return NV_ONNX_PARSER_VERSION; }

ARC2FACE_EXPORT void* createInferRuntime_INTERNAL(void*, int32_t) { return Make<nvinfer1::IRuntime>(); }

ARC2FACE_EXPORT void* createInferBuilder_INTERNAL(void*, int32_t) {
  using nvinfer1::apiv::VBuilder;
  static Hollow hollow;
  hollow.Put(&VBuilder::createNetworkV2, CreateNetwork)
      .Put(
          &VBuilder::createBuilderConfig, +[](void*) { return Make<nvinfer1::IBuilderConfig>(); })
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
