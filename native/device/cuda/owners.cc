// Owners of CUDA runtime objects.
#include "owners.h"

#include "check.h"

namespace arc2face {

OwnedStream MakeCudaStream() {
  cudaStream_t stream = nullptr;
  CheckCuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "make a stream");
  return OwnedStream(stream);
}

}  // namespace arc2face
