// Engines that compute on the host.
#include "place.h"

namespace arc2face::stand_in {

int32_t ComputesInHostMemory() noexcept { return 1; }

void Evaluate(const Inputs& inputs, int64_t rows, int64_t elements, float* scratch, Arc2FaceType type, void* output,
              void*) {
  EvaluateHost(inputs, rows, elements, scratch, type, output);
}

}  // namespace arc2face::stand_in
