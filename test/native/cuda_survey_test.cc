// The survey of GPUs, on any machine.
#include <gtest/gtest.h>

#include "device/cuda.h"
#include "error.h"

namespace arc2face {
namespace {

TEST(CudaDevice, SaysWhatThereIsInsteadOfAGpu) {
  const CudaSurvey survey = FindCudaGpus();
  EXPECT_EQ(survey.gpus.empty(), !survey.obstacle.empty());
  try {
    CudaDevice(9999);
    ADD_FAILURE() << "cuda:9999 is a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNoDevice);
    const std::string message = error.what();
    EXPECT_NE(message.find("cuda:9999"), std::string::npos) << message;
    EXPECT_NE(message.find(survey.obstacle), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace arc2face
