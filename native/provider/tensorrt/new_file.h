// A file that is being written, and must not stay if that fails.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace arc2face::tensorrt {

// Removed again at its end unless Finish was reached.
class NewFile {
 public:
  // Makes a file that only this user may read. Throws kFileFailed, naming the path, when that is not possible or there
  // is a file of that name already, which then stays as it is.
  explicit NewFile(std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Throws kFileFailed: the disk may be full.
  void Write(std::span<const std::byte> bytes);
  // Everything is written, and the file stays. Throws kFileFailed.
  void Finish();

 private:
  std::string path_;
  std::FILE* file_;
  bool finished_ = false;
};

}  // namespace arc2face::tensorrt
