// Host memory that ends while the executors' threads work.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "fake_networks.h"

namespace {

// Allocations by other threads than the test's until one fails; below 0: none does.
std::atomic<int64_t> allocations_left = -1;
thread_local bool is_spared = false;

void* Allocate(std::size_t bytes) {
  if (!is_spared && allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// The array forms call these. The second is the standard library's for memory that it can do without.
void* operator new(std::size_t bytes) { return Allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes == 0 ? 1 : bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace arc2face::testing {
namespace {

class AllocationTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(OnDevices, AllocationTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "asynchronous" : "synchronous"; });

TEST_P(AllocationTest, ThatFailsEndsCallsWithAnErrorAndNeverTheProcess) {
  is_spared = true;
  FailingDevice device{GetParam()};
  const auto pipeline = MakePipeline(device, std::make_shared<Control>());
  // How calls of two images each end.
  const auto generate = [&] {
    std::vector<Result<std::vector<Image>>> results(2);
    for (auto& result : results) Paint(*pipeline, MakeRequest(1, 2, 3, 3), result.Done());
    std::vector<std::string> ends;
    for (auto& result : results) {
      try {
        ends.push_back(std::to_string(result.Take().size()));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
        ends.push_back("failed");
      }
    }
    return ends;
  };
  const std::vector<std::string> both = {"2", "2"};
  ASSERT_EQ(generate(), both);
  int failures = 0;
  for (int64_t n = 0;; ++n) {
    ASSERT_LT(n, 100'000);
    allocations_left = n;
    if (generate() != both) ++failures;
    const bool reached = allocations_left < 0;
    allocations_left = -1;
    ASSERT_EQ(generate(), both) << "after allocation " << n;
    if (!reached) break;
  }
  EXPECT_GT(failures, 20);
  DisposeAndWait(device, *pipeline);
}

}  // namespace
}  // namespace arc2face::testing
