// An opened pair of NVIDIA's libraries.
#pragma once

#include <memory>
#include <string>

#include "reports.h"

struct Arc2FaceLibrary {
 public:
  // Throws Failure(ARC2FACE_NO_LIBRARY), naming the file.
  Arc2FaceLibrary(const Arc2FaceLibraryPaths& paths, Arc2FaceLog log, void* user);

  const Arc2FaceVersion& version() const noexcept { return version_; }
  // Whether it has what came with TensorRT 10.13: weights by pointer (IParser::loadModelProto and what belongs to it)
  // and IBuilder::buildSerializedNetworkToStream. All else that is called here is in 10.6.
  bool has_10_13() const noexcept { return arc2face::engines::kIsRtx || version_.major > 10 || version_.minor >= 13; }

  arc2face::engines::Logger& logger() noexcept { return logger_; }

  // Throw Failure(ARC2FACE_FAILED) with what was logged as an error.
  std::unique_ptr<nvinfer1::IBuilder> MakeBuilder();
  std::unique_ptr<nvinfer1::IRuntime> MakeRuntime();
  std::unique_ptr<nvonnxparser::IParser> MakeParser(nvinfer1::INetworkDefinition& network);

 private:
  using CreateObject = void* (*)(void* logger, int32_t version);
  using CreateParser = void* (*)(void* network, void* logger, int32_t version);

  template <typename Object, typename Make>
  std::unique_ptr<Object> Create(const char* what, const std::string& path, const Make& make);

  std::string core_path_;
  std::string parser_path_;  // empty: engines can't be built
  Arc2FaceVersion version_;
  CreateObject create_builder_;
  CreateObject create_runtime_;
  CreateParser create_parser_ = nullptr;
  arc2face::engines::Logger logger_;
};

namespace arc2face::engines {

// The same library for the same paths; it lives as long as the process.
Arc2FaceLibrary& OpenLibrary(const Arc2FaceLibraryPaths& paths, Arc2FaceLog log, void* user);

}  // namespace arc2face::engines
