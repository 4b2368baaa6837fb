// An opened pair of NVIDIA's libraries.
#include "library.h"

#include <algorithm>
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

// "TensorRT 10.6 to 10.16"
std::string Wanted() {
  const std::string major = std::to_string(NV_TENSORRT_MAJOR) + ".";
  const std::string first = std::string(kProduct) + " " + major + std::to_string(kFirstMinor);
  if (kLastMinor == kFirstMinor) return first;
  return first + (kLastMinor == INT32_MAX ? " or a later minor" : " to " + major + std::to_string(kLastMinor));
}

void CheckVersion(const std::string& path, const Arc2FaceVersion& version) {
  if (version.major == NV_TENSORRT_MAJOR && version.minor >= kFirstMinor && version.minor <= kLastMinor) return;
  throw Failure(ARC2FACE_NO_LIBRARY, "Expected " + Wanted() + " for the library " + path + " but received version " +
                                         Describe(version) + ".");
}

void CheckParserVersion(const std::string& path) {
  const int version = Symbol<int (*)()>(path, "getNvOnnxParserVersion")();
  const bool fits = kIsRtx ? version == NV_ONNX_PARSER_VERSION : version >= NV_ONNX_PARSER_VERSION;
  if (fits) return;
  throw Failure(ARC2FACE_NO_LIBRARY, "Expected version " + std::to_string(NV_ONNX_PARSER_VERSION) +
                                         " of the ONNX parser for the library " + path + " but received " +
                                         std::to_string(version) + ".");
}

// The version of the headers that a library is asked for: those that this is compiled against, or its own if older.
int32_t HeadersFor(const Arc2FaceVersion& version) {
  return std::min<int32_t>(NV_TENSORRT_VERSION, NV_TENSORRT_VERSION_INT(version.major, version.minor, version.patch));
}

// Where CUDA can't start, NVIDIA's functions return null, or a null whose address a conversion between classes has
// moved (seen: 0x200 in TensorRT 10.6, 0x238 in 10.15, 0x228 in 11.2), and the next call on that ends the process. An
// object is never in the first page, which systems leave unmapped.
bool IsObject(const void* address) { return reinterpret_cast<uintptr_t>(address) >= 4096; }

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
  create_builder_ = Symbol<CreateObject>(core_path_, "createInferBuilder_INTERNAL");
  create_runtime_ = Symbol<CreateObject>(core_path_, "createInferRuntime_INTERNAL");
  if (parser_path_.empty()) return;
  arc2face::engines::CheckParserVersion(parser_path_);
  create_parser_ = Symbol<CreateParser>(parser_path_, "createNvOnnxParser_INTERNAL");
}

template <typename Object, typename Make>
std::unique_ptr<Object> Arc2FaceLibrary::Create(const char* what, const std::string& path, const Make& make) {
  arc2face::engines::ErrorRecorder errors;
  void* const made = [&] {
    const arc2face::engines::Logger::Listening listening(errors);
    return make();
  }();
  if (arc2face::engines::IsObject(made)) return std::unique_ptr<Object>(static_cast<Object*>(made));
  errors.Throw(ARC2FACE_FAILED, std::string("Could not make a ") + what + " with " + path);
}

std::unique_ptr<nvinfer1::IBuilder> Arc2FaceLibrary::MakeBuilder() {
  // Where CUDA can't start, the builder of 10.6 ends the process, while a runtime only fails. TensorRT-RTX builds
  // without CUDA.
  if constexpr (!arc2face::engines::kIsRtx) MakeRuntime();
  return Create<nvinfer1::IBuilder>("builder", core_path_,
                                    [&] { return create_builder_(&logger_, arc2face::engines::HeadersFor(version_)); });
}

std::unique_ptr<nvinfer1::IRuntime> Arc2FaceLibrary::MakeRuntime() {
  return Create<nvinfer1::IRuntime>("runtime", core_path_,
                                    [&] { return create_runtime_(&logger_, arc2face::engines::HeadersFor(version_)); });
}

std::unique_ptr<nvonnxparser::IParser> Arc2FaceLibrary::MakeParser(nvinfer1::INetworkDefinition& network) {
  if (create_parser_ == nullptr) {
    throw Failure(ARC2FACE_NO_LIBRARY, "Engines can't be built: no ONNX parser was named beside " + core_path_ + ".");
  }
  return Create<nvonnxparser::IParser>("parser", parser_path_,
                                       [&] { return create_parser_(&network, &logger_, NV_ONNX_PARSER_VERSION); });
}
