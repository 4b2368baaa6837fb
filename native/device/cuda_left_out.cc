// For builds without a CUDA compiler; CMakeLists.txt takes this file or the folder cuda/.
#include "../error.h"
#include "cuda.h"

namespace arc2face {

static const char* const kObstacle = "This build has no CUDA, so GPUs are not looked for.";

CudaSurvey FindCudaGpus() { return {0, 0, {}, kObstacle}; }

Device& CudaDevice(int index) {
  throw Error(ErrorCode::kNoDevice, "Can't use cuda:" + std::to_string(index) + ": " + kObstacle);
}

}  // namespace arc2face
