// A network's source, as described by tests in TypeScript.
#include "network_source.h"

#include <map>
#include <memory>
#include <string>

using namespace arc2face;

DataType ReadType(const Napi::Value& value) {
  const std::string name = value.ToString();
  for (int type = 0; type <= static_cast<int>(DataType::kBool); ++type) {
    if (name == Name(static_cast<DataType>(type))) return static_cast<DataType>(type);
  }
  throw Error(ErrorCode::kInvalidArgument, "Expected a data type but received " + name + ".");
}

std::vector<int64_t> ReadShape(const Napi::Value& value) {
  const auto sizes = value.As<Napi::Array>();
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < sizes.Length(); ++i) shape.push_back(sizes.Get(i).ToNumber().Int64Value());
  return shape;
}

NetworkSource ReadSource(const Napi::Object& request) {
  NetworkSource source{.name = "under test", .graph = {}, .weights = {}, .maps = {}};
  if (request.Has("name")) source.name = request.Get("name").ToString();
  if (request.Has("file")) {
    source.maps.push_back(MemoryMap::Open(request.Get("file").ToString()));
    source.graph = {source.maps.back()->data(), source.maps.back()->size()};
  } else {
    const auto graph = request.Get("graph").As<Napi::Uint8Array>();
    source.graph = {reinterpret_cast<const std::byte*>(graph.Data()), graph.ByteLength()};
  }
  if (!request.Has("weights")) return source;

  std::map<std::string, std::shared_ptr<const MemoryMap>> maps;
  const auto read = [&](const Napi::Value& value) {
    const auto from = value.As<Napi::Object>();
    const std::string file = from.Get("file").ToString();
    auto& map = maps[file];
    if (map == nullptr) source.maps.push_back(map = MemoryMap::Open(file));
    const auto offset = static_cast<size_t>(from.Get("offset").ToNumber().Int64Value());
    const auto length = static_cast<size_t>(from.Get("length").ToNumber().Int64Value());
    if (offset > map->size() || length > map->size() - offset) {
      throw Error(ErrorCode::kInvalidArgument,
                  "Expected a place in " + file + " for " + from.Get("name").ToString().Utf8Value() + ".");
    }
    return StoredTensor{.name = from.Get("name").ToString(),
                        .file = file,
                        .type = ReadType(from.Get("type")),
                        .shape = ReadShape(from.Get("shape")),
                        .data = map->data() + offset,
                        .bytes = length};
  };
  const auto weights = request.Get("weights").As<Napi::Array>();
  for (uint32_t i = 0; i < weights.Length(); ++i) {
    const auto from = weights.Get(i).As<Napi::Object>();
    const StoredTensor stored = read(from);
    Weight& weight = source.weights.emplace_back(Weight{
        .name = stored.name, .type = stored.type, .shape = stored.shape, .data = stored.data, .bytes = stored.bytes});
    if (from.Has("as")) weight.as = ReadType(from.Get("as"));
    if (!from.Has("deltas")) continue;
    const auto deltas = from.Get("deltas").As<Napi::Array>();
    for (uint32_t d = 0; d < deltas.Length(); ++d) {
      const auto delta = deltas.Get(d).As<Napi::Object>();
      weight.deltas.push_back({.factor = delta.Get("factor").ToNumber().FloatValue(),
                               .up = read(delta.Get("up")),
                               .down = read(delta.Get("down"))});
    }
  }
  return source;
}
