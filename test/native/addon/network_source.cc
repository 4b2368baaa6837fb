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
  const auto weights = request.Get("weights").As<Napi::Array>();
  for (uint32_t i = 0; i < weights.Length(); ++i) {
    const auto weight = weights.Get(i).As<Napi::Object>();
    const std::string file = weight.Get("file").ToString();
    auto& map = maps[file];
    if (map == nullptr) source.maps.push_back(map = MemoryMap::Open(file));
    const auto offset = static_cast<size_t>(weight.Get("offset").ToNumber().Int64Value());
    const auto length = static_cast<size_t>(weight.Get("length").ToNumber().Int64Value());
    if (offset > map->size() || length > map->size() - offset) {
      throw Error(ErrorCode::kInvalidArgument,
                  "Expected a place in " + file + " for " + weight.Get("name").ToString().Utf8Value() + ".");
    }
    source.weights.push_back({.name = weight.Get("name").ToString(),
                              .type = ReadType(weight.Get("type")),
                              .shape = ReadShape(weight.Get("shape")),
                              .data = map->data() + offset,
                              .bytes = length});
    if (weight.Has("as")) source.weights.back().as = ReadType(weight.Get("as"));
  }
  return source;
}
