// NVIDIA GPUs as devices. In a build without CUDA none are found, and the survey says so.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "device.h"

namespace arc2face {

struct CudaGpu {
  std::string name;     // "NVIDIA GeForce RTX 4090"
  int capability;       // 10 * major + minor
  size_t memory;        // bytes
  int multiprocessors;  // "SMs"
  bool supported;       // whether the kernels run on it
};

// Versions are 1000 * major + 10 * minor, as CUDA writes them; 0: there is none.
struct CudaSurvey {
  int runtime_version;        // that the package was built with
  int driver_version;         // the newest runtime that the driver supports
  std::vector<CudaGpu> gpus;  // the index of each is the N of "cuda:N"
  std::string obstacle;       // a sentence that says why there are no GPUs; empty if there are
};

// Never throws because of the machine: no driver or no GPU is an answer.
CudaSurvey FindCudaGpus();

// The GPU of this number; lives as long as the process. Throws kNoDevice, saying what there is instead.
Device& CudaDevice(int index);

}  // namespace arc2face
