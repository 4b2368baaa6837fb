// Files that must not stay if writing fails.
#include "provider/tensorrt/new_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "error.h"
#include "temporary_folder.h"

namespace arc2face::tensorrt {
namespace {

class NewFileTest : public ::testing::Test {
 protected:
  std::string Content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

  TemporaryFolder folder;
  const std::string path = folder.path("file");
};

template <typename Action>
void ExpectFileFailed(const std::string& path, const Action& action) {
  try {
    action();
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFileFailed);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
  }
}

TEST_F(NewFileTest, StaysWhenItIsFinished) {
  {
    NewFile file(path);
    file.Write(Bytes("one "));
    file.Write({});
    file.Write(Bytes("two"));
    file.Finish();
  }
  EXPECT_EQ(Content(), "one two");
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(NewFileTest, IsGoneWhenItIsNot) {
  {
    NewFile file(path);
    file.Write(Bytes("one"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(NewFileTest, LeavesAFileAloneThatIsThere) {
  folder.Write("file", "mine");
  ExpectFileFailed(path, [&] { NewFile file(path); });
  EXPECT_EQ(Content(), "mine");
}

TEST_F(NewFileTest, NamesTheFolderThatIsMissing) {
  ExpectFileFailed(folder.path("nowhere/file"), [&] { NewFile file(folder.path("nowhere/file")); });
}

// A limit on the process stands for a full disk.
TEST_F(NewFileTest, IsGoneWhenTheDiskIsFull) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  ExpectFileFailed(path, [&] {
    NewFile file(path);
    file.Write(Bytes(std::string(100'000, 'x')));
    file.Finish();
  });
  // Too little to be written at once: noticed only at the end.
  ExpectFileFailed(path, [&] {
    NewFile file(path);
    file.Write(Bytes(std::string(1001, 'x')));
    file.Finish();
  });
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace arc2face::tensorrt
