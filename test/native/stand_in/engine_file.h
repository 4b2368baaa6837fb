// The stand-in's engine file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "provider/tensorrt/abi.h"

namespace arc2face::stand_in {

struct EngineTensor {
  std::string name;
  bool is_input;
  Arc2FaceType type;
  Arc2FaceShape shape;                  // as the graph declares it
  std::vector<Arc2FaceShape> profiles;  // in each profile
};

struct EngineFile {
  std::vector<EngineTensor> tensors;
  uint32_t profiles;
  float bias;
};

uint64_t Checksum(std::span<const std::byte> bytes, uint64_t before = 0xcbf29ce484222325);

std::vector<std::byte> Write(const EngineFile& file);
// Throws Failure(ARC2FACE_INVALID_ENGINE) for bytes that Write did not write.
EngineFile ReadEngineFile(std::span<const std::byte> bytes);

}  // namespace arc2face::stand_in
