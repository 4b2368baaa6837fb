#include "device/select.h"

#include <gtest/gtest.h>

#include "device/cuda.h"
#include "error.h"

namespace arc2face {
namespace {

std::string MessageOf(const std::string& name, ErrorCode code) {
  try {
    DeviceNamed(name);
    ADD_FAILURE() << name << " is a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "";
}

TEST(DeviceNamed, FindsTheProcessors) { EXPECT_EQ(&DeviceNamed("cpu"), &HostDevice()); }

TEST(DeviceNamed, RefusesNamesThatMeanNothing) {
  for (const char* name : {"", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "cuda:99999999999"}) {
    EXPECT_NE(MessageOf(name, ErrorCode::kInvalidArgument).find("cuda:N"), std::string::npos) << name;
  }
}

TEST(DeviceNamed, SaysWhatThereIsInsteadOfAGpu) {
  const std::string message = MessageOf("cuda:9999", ErrorCode::kNoDevice);
  EXPECT_NE(message.find("cuda:9999"), std::string::npos) << message;
  const CudaSurvey survey = FindCudaGpus();
  EXPECT_EQ(survey.gpus.empty(), !survey.obstacle.empty());
  if (survey.gpus.empty()) {
    EXPECT_NE(message.find(survey.obstacle), std::string::npos) << message;
    EXPECT_NE(MessageOf("cuda", ErrorCode::kNoDevice).find(survey.obstacle), std::string::npos);
  }
}

}  // namespace
}  // namespace arc2face
