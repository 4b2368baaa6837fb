// An opened ONNX Runtime library: its API, its environment, and its errors.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../../error.h"
#include "c_api.h"

namespace arc2face::ort {

// An object of the library that its release function frees.
template <typename T>
using Owned = std::unique_ptr<T, void(ARC2FACE_ORT_CALL*)(T*)>;

class Library {
 public:
  // Opens the library at `path`; it stays open until the process ends. Throws kNoDevice, naming the path.
  explicit Library(const std::string& path);

  const Api& api() const noexcept { return api_; }
  const Env* env() const noexcept { return env_; }
  const std::string& path() const noexcept { return path_; }
  const std::string& version() const noexcept { return version_; }  // "1.30.0"

  // If `status` is a failure, throws it and frees it: kOutOfMemory when the runtime ran out of memory,
  // kInvalidArgument when it reports that and `code` is kEngineFailed, else `code`.
  // `what` begins the sentence: "Could not load the network unet".
  void Check(Status* status, ErrorCode code, const std::string& what, const ErrorDetails& details = {}) const;

  // Calls `create(arguments..., &object)` and owns the object.
  template <typename T, typename Create, typename Release, typename... Arguments>
  Owned<T> Make(const Create& create, const Release& release, Arguments... arguments) const {
    T* object = nullptr;
    Check(create(arguments..., &object), ErrorCode::kEngineFailed, "ONNX Runtime failed");
    return Owned<T>(object, release.pointer());
  }

 private:
  Library(const std::string& path, const ApiBase& base);

  std::string path_;
  std::string version_;
  Api api_;
  Env* env_ = nullptr;
};

}  // namespace arc2face::ort
