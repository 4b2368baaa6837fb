// Photos and faces of requests -> plain C++.
#include "photos.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "../error.h"
#include "marshal.h"

namespace arc2face {

Photo ReadPhoto(const Napi::Value& value, const std::string& name) {
  const Napi::Object from = marshal::Object(value, name);
  const int64_t width = marshal::Integer(from.Get("width"), name + ".width", 0, INT32_MAX);
  const int64_t height = marshal::Integer(from.Get("height"), name + ".height", 0, INT32_MAX);
  CheckPhotoSize(width, height);
  const auto data = marshal::TypedArray<uint8_t>(from.Get("data"), name + ".data");
  if (data.size() != static_cast<size_t>(width * height * 3)) {
    throw Error(ErrorCode::kInvalidArgument, "Expected width * height * 3 = " + std::to_string(width * height * 3) +
                                                 " bytes for " + name + ".data but received " +
                                                 std::to_string(data.size()) + ".");
  }
  std::shared_ptr<uint8_t[]> copy(new uint8_t[data.size()]);
  std::memcpy(copy.get(), data.data(), data.size());
  return {std::move(copy), static_cast<int>(width), static_cast<int>(height)};
}

std::vector<Photo> ReadPhotos(const Napi::Value& value, const std::string& name) {
  const Napi::Array from = marshal::Array(value, name);
  std::vector<Photo> photos;
  for (uint32_t i = 0; i < from.Length(); ++i) {
    photos.push_back(ReadPhoto(from.Get(i), name + "[" + std::to_string(i) + "]"));
  }
  return photos;
}

Keypoints ReadKeypoints(const Napi::Value& value, const std::string& name) {
  Keypoints keypoints;
  const auto numbers = marshal::TypedArray<float>(value, name);
  if (numbers.size() != keypoints.size()) marshal::Refuse("ten numbers", name);
  std::copy(numbers.begin(), numbers.end(), keypoints.begin());
  return keypoints;
}

}  // namespace arc2face
