// The addon's embedWatermark and readWatermark.
#include "watermark.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../operations/watermark/watermark.h"
#include "environment.h"
#include "marshal.h"
#include "native_call.h"
#include "photos.h"

namespace arc2face {

namespace {

// Marks take milliseconds, and must not wait for models that load.
Executor& Marker() {
  static auto& marker = *new Executor;
  return marker;
}

// Images to read come from anywhere, and take longer: images to mark must not wait for them.
Executor& Reader() {
  static auto& reader = *new Executor;
  return reader;
}

PhotoView ViewOf(const Photo& image) { return {image.data.get(), image.width, image.height}; }

Napi::Value ToBytes(Napi::Env env, const uint8_t* from, size_t count) {
  auto bytes = Napi::Uint8Array::New(env, count);
  std::copy_n(from, count, bytes.Data());
  return bytes;
}

WatermarkPayload ReadPayload(const Napi::Value& value) {
  const auto bytes = marshal::TypedArray<uint8_t>(value, "payload");
  WatermarkPayload payload;
  if (bytes.size() != payload.size()) marshal::Refuse(std::to_string(payload.size()) + " bytes", "payload");
  std::copy(bytes.begin(), bytes.end(), payload.begin());
  return payload;
}

Napi::Value ToWatermark(Napi::Env env, const std::optional<Watermark>& watermark) {
  if (!watermark) return env.Undefined();
  const Napi::Object object = Napi::Object::New(env);
  object.Set("falseAlarm", watermark->false_alarm);
  if (watermark->payload) object.Set("payload", ToBytes(env, watermark->payload->data(), watermark->payload->size()));
  return object;
}

}  // namespace

Napi::Value EmbedWatermark(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const Photo image = ReadPhoto(info[0], "image");
    const WatermarkPayload payload = ReadPayload(info[1]);
    return StartTask<std::vector<uint8_t>>(
        env, Marker(), {}, [=](uint64_t, Interrupt&) { return EmbedWatermark(ViewOf(image), payload); },
        [](Napi::Env env, const std::vector<uint8_t>& marked) { return ToBytes(env, marked.data(), marked.size()); });
  });
}

Napi::Value ReadWatermark(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const Photo image = ReadPhoto(info[0], "image");
    return StartTask<std::optional<Watermark>>(
        env, Reader(), {}, [=](uint64_t, Interrupt& interrupt) { return ReadWatermark(ViewOf(image), interrupt); },
        ToWatermark);
  });
}

}  // namespace arc2face
