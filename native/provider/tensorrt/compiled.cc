// The file of what a runtime compiled for this GPU.
#include "compiled.h"

#include "checked_file.h"

namespace arc2face::tensorrt {

bool LoadCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path) {
  const auto found = ReadChecked(path);
  if (!found) return false;
  Arc2FaceMessage message{};
  return api.LoadCompiled(engine, found->data(), found->size(), &message) == ARC2FACE_OK;
}

void SaveCompiled(const Arc2FaceEngineApi& api, Arc2FaceEngine* engine, const std::string& path) {
  CheckedFile file(path);
  const auto write = [](void* user, const void* data, uint64_t bytes) noexcept -> int32_t {
    return static_cast<CheckedFile*>(user)->Write(data, bytes) ? 0 : 1;
  };
  Arc2FaceMessage message{};
  if (api.SaveCompiled(engine, write, &file, &message) == ARC2FACE_OK) file.Finish();
}

}  // namespace arc2face::tensorrt
