// A file being written.
#include "new_file.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "../../error.h"

#ifndef _WIN32
#include <fcntl.h>
#endif

namespace arc2face::tensorrt {
namespace {

[[noreturn]] void Fail(const std::string& what, const std::string& path, int error) {
  throw Error(ErrorCode::kFileFailed,
              "Could not " + what + " the file " + path + ": " + std::generic_category().message(error) + ".",
              {.file = path});
}

// Null, with errno set, if the file exists.
std::FILE* OpenNew(const std::string& path) {
#ifdef _WIN32
  return _wfopen(std::filesystem::path(std::u8string(path.begin(), path.end())).c_str(), L"wbx");
#else
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return file < 0 ? nullptr : fdopen(file, "wb");
#endif
}

}  // namespace

NewFile::NewFile(std::string path) : path_(std::move(path)), file_(OpenNew(path_)) {
  if (file_ == nullptr) Fail("make", path_, errno);
}

NewFile::~NewFile() {
  if (file_ != nullptr) std::fclose(file_);
  std::error_code ignored;
  if (!finished_) std::filesystem::remove(std::filesystem::path(std::u8string(path_.begin(), path_.end())), ignored);
}

void NewFile::Write(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;  // their pointer may be null, which fwrite forbids
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) Fail("write", path_, errno);
}

void NewFile::Finish() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) Fail("write", path_, errno);
  finished_ = true;
}

}  // namespace arc2face::tensorrt
