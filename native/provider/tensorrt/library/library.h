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

  std::unique_ptr<nvinfer1::IBuilder> MakeBuilder();
  std::unique_ptr<nvinfer1::IRuntime> MakeRuntime();
  std::unique_ptr<nvonnxparser::IParser> MakeParser(nvinfer1::INetworkDefinition& network);

 private:
  using Create = void* (*)(void* logger, int32_t version);
  using CreateParser = void* (*)(void* network, void* logger, int32_t version);

  std::string core_path_;
  std::string parser_path_;  // empty: engines can't be built
  Arc2FaceVersion version_;
  Create create_builder_;
  Create create_runtime_;
  CreateParser create_parser_ = nullptr;
  arc2face::engines::Logger logger_;
};

namespace arc2face::engines {

// The same library for the same paths; it lives as long as the process.
Arc2FaceLibrary& OpenLibrary(const Arc2FaceLibraryPaths& paths, Arc2FaceLog log, void* user);

}  // namespace arc2face::engines
