// What an engine's runtime compiles for the GPU at hand, kept in a file so that the next process need not.
#pragma once

#include <string>

#include "abi.h"

namespace arc2face::tensorrt {

// Gives the engine, which has no context yet, what the file holds. False when there is none, or it is damaged, or of
// another driver, GPU or version: then the engine compiles again.
bool LoadCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path);

// Writes the file, or replaces it, unless the engine has compiled nothing. Without it the next process is slower, and
// nothing else; so there is no error, and what could not be written does not stay.
void SaveCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path) noexcept;

}  // namespace arc2face::tensorrt
