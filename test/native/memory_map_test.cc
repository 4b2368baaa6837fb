// Memory maps, of good, damaged and truncated files.
#include "weights/memory_map.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "error.h"
#include "temporary_folder.h"

namespace arc2face {
namespace {

const size_t kPage = static_cast<size_t>(sysconf(_SC_PAGESIZE));

std::string Pages(size_t count) { return std::string(count * kPage, 'x'); }

int Sum(const MemoryMap& map) {
  int sum = 0;
  for (size_t i = 0; i < map.size(); i += kPage) sum += std::to_integer<int>(map.data()[i]);
  return sum;
}

// Reads one byte beyond the end of a foreign map's file.
char ReadBeyondAnotherFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR);
  const auto* data = static_cast<const volatile char*>(mmap(nullptr, 2 * kPage, PROT_READ, MAP_PRIVATE, file, 0));
  return data[kPage];
}

std::string OpenError(const std::string& path) {
  try {
    MemoryMap::Open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidWeights);
    return error.what();
  }
  return "nothing thrown";
}

TEST(MemoryMap, HoldsTheFile) {
  const TemporaryFolder folder;
  const std::string bytes("some\0bytes", 10);
  const auto map = MemoryMap::Open(folder.Write("file", bytes));
  ASSERT_EQ(map->size(), bytes.size());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(map->data()), map->size()), bytes);
  EXPECT_EQ(map->path(), folder.path("file"));
  EXPECT_FALSE(map->damaged());
}

TEST(MemoryMap, OfAnEmptyFileIsEmpty) {
  const TemporaryFolder folder;
  const auto map = MemoryMap::Open(folder.Write("file", ""));
  EXPECT_EQ(map->size(), 0u);
  EXPECT_FALSE(map->damaged());
}

TEST(MemoryMap, NamesTheFileThatCannotBeMapped) {
  const TemporaryFolder folder;
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(OpenError(folder.path("missing")).find(folder.path("missing") + ": No such file"), std::string::npos);
  EXPECT_NE(OpenError(folder.path("")).find("it is not a regular file"), std::string::npos);
  EXPECT_NE(OpenError(pipe).find(pipe + ": it is not a regular file"), std::string::npos);
}

TEST(MemoryMap, StaysWhenTheFileIsReplaced) {
  const TemporaryFolder folder;
  const auto map = MemoryMap::Open(folder.Write("file", Pages(3)));
  std::filesystem::rename(folder.Write("other", ""), folder.path("file"));
  EXPECT_EQ(Sum(*map), 3 * 'x');
  EXPECT_FALSE(map->damaged());
}

TEST(MemoryMap, ReadsZerosWhereTheFileWasCutOff) {
  const TemporaryFolder folder;
  const auto whole = MemoryMap::Open(folder.Write("whole", Pages(3)));
  const auto map = MemoryMap::Open(folder.Write("file", Pages(5)));
  ASSERT_EQ(truncate(folder.path("file").c_str(), static_cast<off_t>(2 * kPage)), 0);
  EXPECT_EQ(Sum(*map), 2 * 'x');
  EXPECT_TRUE(map->damaged());
  EXPECT_EQ(Sum(*map), 2 * 'x');
  EXPECT_EQ(Sum(*whole), 3 * 'x');
  EXPECT_FALSE(whole->damaged());
}

TEST(MemoryMap, RemembersDamageWhenTheFileGrowsBack) {
  const TemporaryFolder folder;
  const auto map = MemoryMap::Open(folder.Write("file", Pages(2)));
  ASSERT_EQ(truncate(folder.path("file").c_str(), 0), 0);
  EXPECT_EQ(Sum(*map), 0);
  folder.Write("file", Pages(2));
  EXPECT_TRUE(map->damaged());
}

TEST(MemoryMap, NoticesWhatIsMissingFromTheLastPage) {
  const TemporaryFolder folder;
  const auto map = MemoryMap::Open(folder.Write("file", "some bytes"));
  ASSERT_EQ(truncate(folder.path("file").c_str(), 4), 0);
  EXPECT_TRUE(map->damaged());
}

TEST(MemoryMap, GuardsAnyNumberOfFilesAndForgetsClosedOnes) {
  const TemporaryFolder folder;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::shared_ptr<const MemoryMap>> maps;
    for (int i = 0; i < 200; ++i) maps.push_back(MemoryMap::Open(folder.Write(std::to_string(i), Pages(1))));
    for (const int i : {0, 63, 64, 199}) {
      ASSERT_EQ(truncate(folder.path(std::to_string(i)).c_str(), 0), 0);
      EXPECT_EQ(Sum(*maps[i]), 0);
      EXPECT_TRUE(maps[i]->damaged());
      EXPECT_FALSE(maps[100]->damaged());
    }
  }
}

TEST(MemoryMap, ThreadsMayOpenReadAndCloseAtOnce) {
  const TemporaryFolder folder;
  const auto shared = MemoryMap::Open(folder.Write("shared", Pages(64)));
  ASSERT_EQ(truncate(folder.path("shared").c_str(), static_cast<off_t>(kPage)), 0);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, own = folder.Write(std::to_string(t), Pages(2))] {
      if (Sum(*shared) != 'x') ++wrong;
      for (int i = 0; i < 50; ++i) {
        if (Sum(*MemoryMap::Open(own)) != 2 * 'x') ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(shared->damaged());
}

using MemoryMapDeathTest = testing::Test;

TEST(MemoryMapDeathTest, OtherBusErrorsStayFatal) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const TemporaryFolder folder;
  const std::string path = folder.Write("file", Pages(1));
  EXPECT_DEATH(
      {
        const auto map = MemoryMap::Open(path);
        ReadBeyondAnotherFile(path);
      },
      "");
}

TEST(MemoryMapDeathTest, OtherBusErrorsGoToTheHandlerBefore) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const TemporaryFolder folder;
  const std::string path = folder.Write("file", Pages(1));
  EXPECT_EXIT(
      {
        struct sigaction action{};
        action.sa_handler = [](int) { _exit(42); };
        sigaction(SIGBUS, &action, nullptr);
        const auto map = MemoryMap::Open(path);
        ReadBeyondAnotherFile(path);
      },
      testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace arc2face
