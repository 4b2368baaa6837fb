// Engines and their contexts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "library.h"

// A deserialised engine file.
struct Arc2FaceEngine {
 public:
  // Throws Failure(ARC2FACE_INVALID_ENGINE) when the file is refused.
  Arc2FaceEngine(Arc2FaceLibrary& library, const void* data, uint64_t bytes);

  uint32_t tensor_count() const noexcept { return static_cast<uint32_t>(names_.size()); }
  uint32_t profile_count() const noexcept { return static_cast<uint32_t>(engine_->getNbOptimizationProfiles()); }
  // Throw Failure(ARC2FACE_INVALID_ARGUMENT) for an index out of range.
  const char* name(uint32_t tensor) const;
  bool is_input(uint32_t tensor) const;
  Arc2FaceTensorInfo Describe(uint32_t tensor) const;
  Arc2FaceShape ProfileShape(uint32_t profile, uint32_t input) const;

  std::string Inspect() const;
  // What was compiled for this GPU, to save and restore.
  bool LoadCompiled(const void* data, uint64_t bytes);
  std::unique_ptr<nvinfer1::IHostMemory> SaveCompiled() const;  // null: nothing

  std::unique_ptr<nvinfer1::IExecutionContext> MakeContext();

 private:
  mutable arc2face::engines::ErrorRecorder errors_;  // of the last call; outlives what reports to it
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
#ifdef TRT_MAJOR_RTX
  std::unique_ptr<nvinfer1::IRuntimeCache> compiled_;  // outlives the configuration, which refers to it
  std::unique_ptr<nvinfer1::IRuntimeConfig> config_;
#endif
  std::vector<const char*> names_;  // of inputs and outputs; the engine's memory
};

// One execution with the shapes of one profile.
struct Arc2FaceContext {
 public:
  Arc2FaceContext(Arc2FaceEngine& engine, uint32_t profile, void* stream);

  uint64_t bytes() const noexcept { return bytes_; }
  void SetMemory(void* memory, uint64_t bytes);
  void SetAddress(uint32_t tensor, void* address);
  Arc2FaceShape TensorShape(uint32_t tensor) const;
  void Enqueue(void* stream);

 private:
  const Arc2FaceEngine& engine_;
  arc2face::engines::ErrorRecorder errors_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
  uint64_t bytes_ = 0;
};
