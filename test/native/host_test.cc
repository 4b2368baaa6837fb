// The host as a device.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "device/device.h"
#include "error.h"

namespace arc2face {
namespace {

TEST(HostDevice, AlignsEverySize) {
  for (const size_t bytes : {0u, 1u, 31u, 33u, 257u, 65537u}) {
    DeviceBuffer<unsigned char> buffer(HostDevice(), bytes);
    EXPECT_NE(buffer.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 256, 0u) << bytes;
    std::memset(buffer.data(), 1, bytes);
  }
}

TEST(HostDevice, NamesTheSizeThatItCannotAllocate) {
  constexpr size_t kTooMuch = std::numeric_limits<size_t>::max() - 1;
  try {
    HostDevice().Allocate(kTooMuch);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_EQ(error.details().device, "cpu");
    EXPECT_EQ(error.details().bytes, kTooMuch);
    EXPECT_NE(std::string(error.what()).find(std::to_string(kTooMuch)), std::string::npos) << error.what();
  }
}

TEST(HostStream, DoesAtOnceWhatItIsTold) {
  const auto stream = HostDevice().MakeStream();
  int from[] = {1, 2, 3}, to[] = {0, 0, 0};
  stream->Upload(to, from, sizeof(from));
  EXPECT_EQ(to[2], 3);
  stream->Zero(to, sizeof(int));
  EXPECT_EQ(to[0], 0);
  stream->Copy(nullptr, nullptr, 0);
  int replays = 0;
  for (int i = 0; i < 2; ++i) stream->Replay(7, [&] { ++replays; });
  EXPECT_EQ(replays, 2);
}

}  // namespace
}  // namespace arc2face
