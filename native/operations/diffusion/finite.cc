// The definition of finite.h.
#include "finite.h"

#include "../../vectorised.h"
#include "../kernels.h"
#include "finite_cuda.h"

namespace arc2face {
namespace {

// A function for each precision, because a template can't have copies for several processors. Without an early exit,
// which would prevent vectorisation.
ARC2FACE_VECTORISED
uint32_t AnyNotFinite(const float* values, size_t count) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; ++i) found |= IsFinite(values[i]) ? 0u : 1u;
  return found;
}
ARC2FACE_VECTORISED
uint32_t AnyNotFinite(const Half* values, size_t count) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; ++i) found |= IsFinite(values[i]) ? 0u : 1u;
  return found;
}

}  // namespace

void FindNotFiniteHost(ConstNetworkFloats values, size_t count, uint32_t* found) {
  *found |= std::visit([&](const auto* numbers) { return AnyNotFinite(numbers, count); }, values);
}

void FindNotFinite(Stream& stream, ConstNetworkFloats values, size_t count, uint32_t* found) {
  if constexpr (kHasKernels) {
    if (auto* const cuda = CudaStreamOf(stream)) return FindNotFiniteCuda(values, count, found, cuda);
  }
  FindNotFiniteHost(values, count, found);
}

}  // namespace arc2face
