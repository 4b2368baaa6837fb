// An opened pair of NVIDIA's libraries.
#include "library.h"

#include <map>
#include <mutex>
#include <utility>

#include "../../dynamic_library.h"

namespace arc2face::engines {
namespace {

template <typename Function>
Function Symbol(const std::string& path, const char* name) {
  return reinterpret_cast<Function>(OpenLibrarySymbol(path, name));
}

std::string Describe(const Arc2FaceVersion& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch) +
         "." + std::to_string(version.build);
}

Arc2FaceVersion VersionOf(const std::string& path) {
  using Part = int32_t (*)();
  return {.major = Symbol<Part>(path, "getInferLibMajorVersion")(),
          .minor = Symbol<Part>(path, "getInferLibMinorVersion")(),
          .patch = Symbol<Part>(path, "getInferLibPatchVersion")(),
          .build = Symbol<Part>(path, "getInferLibBuildVersion")()};
}

// Virtual tables are only guaranteed to stay the same within a major version of TensorRT, growing from one minor
// version to the next, and within a minor version of TensorRT-RTX.
void CheckVersion(const std::string& path, const Arc2FaceVersion& version) {
  const bool minor_fits = kIsRtx ? version.minor == NV_TENSORRT_MINOR : version.minor >= NV_TENSORRT_MINOR;
  if (version.major == NV_TENSORRT_MAJOR && minor_fits) return;
  throw Failure(ARC2FACE_NO_LIBRARY, std::string("Expected ") + kProduct + " " + std::to_string(NV_TENSORRT_MAJOR) +
                                         "." + std::to_string(NV_TENSORRT_MINOR) + (kIsRtx ? "" : " or a later minor") +
                                         " for the library " + path + " but received version " + Describe(version) +
                                         ".");
}

void CheckParserVersion(const std::string& path) {
  const int version = Symbol<int (*)()>(path, "getNvOnnxParserVersion")();
  const bool fits = kIsRtx ? version == NV_ONNX_PARSER_VERSION : version >= NV_ONNX_PARSER_VERSION;
  if (fits) return;
  throw Failure(ARC2FACE_NO_LIBRARY, "Expected version " + std::to_string(NV_ONNX_PARSER_VERSION) +
                                         " of the ONNX parser for the library " + path + " but received " +
                                         std::to_string(version) + ".");
}

}  // namespace

Arc2FaceLibrary& OpenLibrary(const Arc2FaceLibraryPaths& paths, Arc2FaceLog log, void* user) {
  static std::mutex mutex;
  // Never freed: the runtime's threads may outlive the end of main.
  static auto& libraries = *new std::map<std::pair<std::string, std::string>, std::unique_ptr<Arc2FaceLibrary>>;

  const std::lock_guard lock(mutex);
  auto& library = libraries[{paths.core, paths.parser == nullptr ? "" : paths.parser}];
  if (library == nullptr) library = std::make_unique<Arc2FaceLibrary>(paths, log, user);
  return *library;
}

}  // namespace arc2face::engines

using arc2face::engines::Failure;
using arc2face::engines::Symbol;

Arc2FaceLibrary::Arc2FaceLibrary(const Arc2FaceLibraryPaths& paths, Arc2FaceLog log, void* user)
    : core_path_(paths.core),
      parser_path_(paths.parser == nullptr ? "" : paths.parser),
      version_(arc2face::engines::VersionOf(core_path_)),
      logger_(log, user) {
  arc2face::engines::CheckVersion(core_path_, version_);
  create_builder_ = Symbol<Create>(core_path_, "createInferBuilder_INTERNAL");
  create_runtime_ = Symbol<Create>(core_path_, "createInferRuntime_INTERNAL");
  if (parser_path_.empty()) return;
  arc2face::engines::CheckParserVersion(parser_path_);
  create_parser_ = Symbol<CreateParser>(parser_path_, "createNvOnnxParser_INTERNAL");
}

std::unique_ptr<nvinfer1::IBuilder> Arc2FaceLibrary::MakeBuilder() {
  std::unique_ptr<nvinfer1::IBuilder> builder(
      static_cast<nvinfer1::IBuilder*>(create_builder_(&logger_, NV_TENSORRT_VERSION)));
  if (builder == nullptr) throw Failure(ARC2FACE_FAILED, "Could not make a builder with " + core_path_ + ".");
  return builder;
}

std::unique_ptr<nvinfer1::IRuntime> Arc2FaceLibrary::MakeRuntime() {
  std::unique_ptr<nvinfer1::IRuntime> runtime(
      static_cast<nvinfer1::IRuntime*>(create_runtime_(&logger_, NV_TENSORRT_VERSION)));
  if (runtime == nullptr) throw Failure(ARC2FACE_FAILED, "Could not make a runtime with " + core_path_ + ".");
  return runtime;
}

std::unique_ptr<nvonnxparser::IParser> Arc2FaceLibrary::MakeParser(nvinfer1::INetworkDefinition& network) {
  if (create_parser_ == nullptr) {
    throw Failure(ARC2FACE_NO_LIBRARY, "Engines can't be built: no ONNX parser was named beside " + core_path_ + ".");
  }
  std::unique_ptr<nvonnxparser::IParser> parser(
      static_cast<nvonnxparser::IParser*>(create_parser_(&network, &logger_, NV_ONNX_PARSER_VERSION)));
  if (parser == nullptr) throw Failure(ARC2FACE_FAILED, "Could not make a parser with " + parser_path_ + ".");
  return parser;
}
