// What only a GPU's real timing shows.
#include "gpu.h"

namespace arc2face::testing {
namespace {

using GpuMemory = GpuTest;

// Memory freed while its work is queued must not be reused before that work is done.
TEST_F(GpuMemory, GivesMemoryInUseToNobody) {
  // The work takes milliseconds, and reaches the end of the memory last.
  constexpr size_t kBytes = size_t{256} << 20, kEnd = 4096;
  const std::vector<uint8_t> ones(kEnd, 1);
  const auto other = gpu->MakeStream();
  for (int round = 0; round < 5; ++round) {
    {
      DeviceBuffer<uint8_t> early(*gpu, kBytes);
      for (int i = 0; i < 100; ++i) stream->Zero(early.data(), kBytes);
    }
    DeviceBuffer<uint8_t> late(*gpu, kBytes);
    other->Upload(late.data() + kBytes - kEnd, ones.data(), kEnd);
    other->Synchronize();
    stream->Synchronize();
    std::vector<uint8_t> back(kEnd);
    other->Download(back.data(), late.data() + kBytes - kEnd, kEnd);
    other->Synchronize();
    ASSERT_EQ(back, ones) << "round " << round;
  }
}

}  // namespace
}  // namespace arc2face::testing
