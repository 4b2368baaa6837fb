// What an engine's runtime compiles for this GPU, kept in a file so that the next process need not.
#pragma once

#include <string>

#include "abi.h"

namespace arc2face::tensorrt {

// Gives the file's data to the engine, which has no context yet. False when it is missing, damaged, or of
// another driver, GPU or version: then the engine compiles again.
bool LoadCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path);

// Writes or replaces the file, unless the engine has compiled nothing. Without it the next process is only slower,
// so there is no error, and an incomplete file is removed.
void SaveCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path);

}  // namespace arc2face::tensorrt
