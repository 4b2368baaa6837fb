// A file being written, which is removed on failure.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace arc2face::tensorrt {

// Its destructor removes it unless Finish was reached.
class NewFile {
 public:
  // Makes a file that only this user may read. Throws kFileFailed, naming the path, if that is impossible or there
  // is a file of that name already, which stays unchanged.
  explicit NewFile(std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Throws kFileFailed: the disk may be full.
  void Write(std::span<const std::byte> bytes);
  // Completes the file, which then stays. Throws kFileFailed.
  void Finish();

 private:
  std::string path_;
  std::FILE* file_;
  bool finished_ = false;
};

}  // namespace arc2face::tensorrt
