// Photos and faces of requests -> plain C++, each checked.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "../pipeline/face_reader.h"

namespace arc2face {

// NativePhoto in lib/native.ts, copied: JavaScript may meanwhile write to its own, or transfer it to another thread.
Photo ReadPhoto(const Napi::Value& value, const std::string& name);

std::vector<Photo> ReadPhotos(const Napi::Value& value, const std::string& name);

// Ten numbers.
Keypoints ReadKeypoints(const Napi::Value& value, const std::string& name);

}  // namespace arc2face
