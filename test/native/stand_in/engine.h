// The stand-in's engines and contexts.
#pragma once

#include <vector>

#include "engine_file.h"

struct Arc2FaceEngine {
  arc2face::stand_in::EngineFile file;
};

struct Arc2FaceContext {
 public:
  // Throws Failure(ARC2FACE_INVALID_ARGUMENT) for a profile out of range.
  Arc2FaceContext(const Arc2FaceEngine& engine, uint32_t profile);

  uint64_t bytes() const noexcept;
  void SetMemory(void* memory, uint64_t bytes);
  void SetAddress(uint32_t tensor, void* address);
  Arc2FaceShape TensorShape(uint32_t tensor) const;
  void Enqueue(void* stream);

 private:
  const arc2face::stand_in::EngineFile& file_;
  const uint32_t profile_;
  std::vector<void*> addresses_;
  void* memory_ = nullptr;
};
