// The whole pipeline over a runtime on the host whose calls fail.
#include <string>

#include "device/cuda.h"
#include "runtime.h"
#include "stand_in_bundle.h"

extern "C" const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version);

namespace arc2face::testing {
namespace {

TEST(CudaStandInPipeline, AnyCallMayFailAndTheModelGoesOn) {
  Device& gpu = CudaDevice(0);
  const Bundle bundle(DataType::kFloat16);
  const tensorrt::EngineLibrary library(*Arc2FaceGetEngineApi(ARC2FACE_ENGINE_ABI_VERSION), {});
  std::shared_ptr<Pipeline> pipeline = LoadPipeline(gpu, bundle, library);
  const auto reference = Generate(*pipeline, 1, 2);
  DisposeAndWait(gpu, *pipeline);
  pipeline.reset();
  gpu.Trim();
  const int objects = Runtime().objects;

  int failures = 0;
  for (int n = 0;; ++n) {
    ASSERT_LT(n, 5000);
    const int first = Runtime().calls;
    Runtime().fail_at = first + n;
    try {
      pipeline = LoadPipeline(gpu, bundle, library);
      EXPECT_EQ(Generate(*pipeline, 1, 2), reference) << "call " << n;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kEngineFailed) << "call " << n << ": " << error.what();
      ++failures;
    }
    const bool reached = Runtime().calls > first + n;
    Runtime().fail_at = -1;
    if (pipeline != nullptr) {
      EXPECT_EQ(Generate(*pipeline, 1, 2), reference) << "after call " << n;
      DisposeAndWait(gpu, *pipeline);
      pipeline.reset();
    }
    gpu.Trim();
    EXPECT_EQ(Runtime().objects, objects) << "call " << n;
    if (!reached) break;
  }
  EXPECT_GT(failures, 50);  // memory, streams, events, copies, captured steps
}

}  // namespace
}  // namespace arc2face::testing
