// JavaScript values to plain C++.
#include "marshal.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace arc2face::marshal {

namespace {

constexpr int64_t kMostSafeInteger = (int64_t{1} << 53) - 1;

DataType Type(const Napi::Value& value, const std::string& name) {
  const std::string text = String(value, name);
  for (const DataType type :
       {DataType::kFloat64, DataType::kFloat32, DataType::kFloat16, DataType::kBFloat16, DataType::kInt64,
        DataType::kInt32, DataType::kInt16, DataType::kInt8, DataType::kUint8, DataType::kBool}) {
    if (text == arc2face::Name(type)) return type;
  }
  Refuse("the name of an element type", name);
}

std::vector<int64_t> Shape(const Napi::Value& value, const std::string& name) {
  const Napi::Array from = Array(value, name);
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < from.Length(); ++i) shape.push_back(Integer(from.Get(i), name, 0, kMostSafeInteger));
  return shape;
}

// A tensor in one of the files, whose map joins `used`.
StoredTensor Stored(const Napi::Value& value, const std::string& name, const Maps& maps,
                    std::vector<const MemoryMap*>& used) {
  const Napi::Object from = Object(value, name);
  const MemoryMap& map =
      *maps[static_cast<size_t>(Integer(from.Get("file"), name + ".file", 0, static_cast<int64_t>(maps.size()) - 1))];
  StoredTensor tensor;
  tensor.name = String(from.Get("name"), name + ".name");
  tensor.file = map.path();
  const int64_t offset = Integer(from.Get("offset"), name + ".offset", 0, kMostSafeInteger);
  const int64_t length = Integer(from.Get("length"), name + ".length", 0, kMostSafeInteger);
  tensor.type = Type(from.Get("type"), name + ".type");
  tensor.shape = Shape(from.Get("shape"), name + ".shape");
  tensor.bytes = Bytes(tensor.type);
  for (const int64_t size : tensor.shape) {
    if (size != 0 && tensor.bytes > SIZE_MAX / static_cast<size_t>(size)) Refuse("a shape that fits in memory", name);
    tensor.bytes *= static_cast<size_t>(size);
  }
  if (tensor.bytes != static_cast<size_t>(length)) Refuse("a length that its shape and type have", name);
  if (static_cast<size_t>(offset) > map.size() || static_cast<size_t>(length) > map.size() - offset) {
    throw Error(ErrorCode::kInvalidWeights,
                "The tensor " + tensor.name + " reaches beyond the end of " + map.path() + ".",
                {.file = map.path(), .tensor = tensor.name});
  }
  tensor.data = map.data() + offset;
  used.push_back(&map);
  return tensor;
}

WeightDelta Delta(const Napi::Value& value, const std::string& name, const Maps& maps,
                  std::vector<const MemoryMap*>& used) {
  const Napi::Object from = Object(value, name);
  const double factor = Number(from.Get("factor"), name + ".factor");
  if (!(std::abs(factor) <= std::numeric_limits<float>::max())) Refuse("a number of float32", name + ".factor");
  return {.factor = static_cast<float>(factor),
          .up = Stored(from.Get("up"), name + ".up", maps, used),
          .down = Stored(from.Get("down"), name + ".down", maps, used)};
}

Weight OneWeight(const Napi::Value& value, const std::string& name, const Maps& maps,
                 std::vector<const MemoryMap*>& used) {
  StoredTensor stored = Stored(value, name, maps, used);
  Weight weight{.name = std::move(stored.name),
                .type = stored.type,
                .shape = std::move(stored.shape),
                .data = stored.data,
                .bytes = stored.bytes};
  const auto from = value.As<Napi::Object>();
  if (!from.Get("as").IsUndefined()) weight.as = Type(from.Get("as"), name + ".as");
  if (from.Get("deltas").IsUndefined()) return weight;
  const Napi::Array deltas = Array(from.Get("deltas"), name + ".deltas");
  for (uint32_t i = 0; i < deltas.Length(); ++i) {
    weight.deltas.push_back(Delta(deltas.Get(i), name + ".deltas[" + std::to_string(i) + "]", maps, used));
  }
  return weight;
}

}  // namespace

void Refuse(const std::string& expected, const std::string& name) {
  throw Error(ErrorCode::kInvalidArgument, "Expected " + expected + " for " + name + " but received something else.");
}

Napi::Object Object(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject()) Refuse("an object", name);
  return value.As<Napi::Object>();
}

Napi::Array Array(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) Refuse("an array", name);
  return value.As<Napi::Array>();
}

std::string String(const Napi::Value& value, const std::string& name) {
  if (!value.IsString()) Refuse("a string", name);
  return value.As<Napi::String>().Utf8Value();
}

bool Boolean(const Napi::Value& value, const std::string& name) {
  if (!value.IsBoolean()) Refuse("true or false", name);
  return value.As<Napi::Boolean>().Value();
}

double Number(const Napi::Value& value, const std::string& name) {
  if (!value.IsNumber()) Refuse("a number", name);
  return value.As<Napi::Number>().DoubleValue();
}

int64_t Integer(const Napi::Value& value, const std::string& name, int64_t least, int64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  // NaN fails the comparisons.
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) || std::floor(number) != number) {
    Refuse("an integer from " + std::to_string(least) + " to " + std::to_string(most), name);
  }
  return static_cast<int64_t>(number);
}

Napi::FunctionReference OptionalFunction(const Napi::Value& value, const std::string& name) {
  if (value.IsUndefined()) return {};
  if (!value.IsFunction()) Refuse("a function", name);
  return Napi::Persistent(value.As<Napi::Function>());
}

template <typename T>
std::span<const T> TypedArray(const Napi::Value& value, const std::string& name) {
  constexpr napi_typedarray_type kType = std::is_same_v<T, float>      ? napi_float32_array
                                         : std::is_same_v<T, double>   ? napi_float64_array
                                         : std::is_same_v<T, uint32_t> ? napi_uint32_array
                                         : std::is_same_v<T, int32_t>  ? napi_int32_array
                                                                       : napi_uint8_array;
  static_assert(kType != napi_uint8_array || std::is_same_v<T, uint8_t>);
  constexpr const char* kName = std::is_same_v<T, float>      ? "a Float32Array"
                                : std::is_same_v<T, double>   ? "a Float64Array"
                                : std::is_same_v<T, uint32_t> ? "a Uint32Array"
                                : std::is_same_v<T, int32_t>  ? "an Int32Array"
                                                              : "a Uint8Array";
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != kType) Refuse(kName, name);
  auto array = value.As<Napi::TypedArrayOf<T>>();
  // A detached array has length 0 and no data.
  return {array.Data(), array.Data() == nullptr ? 0 : array.ElementLength()};
}
template std::span<const float> TypedArray<float>(const Napi::Value&, const std::string&);
template std::span<const double> TypedArray<double>(const Napi::Value&, const std::string&);
template std::span<const uint32_t> TypedArray<uint32_t>(const Napi::Value&, const std::string&);
template std::span<const int32_t> TypedArray<int32_t>(const Napi::Value&, const std::string&);
template std::span<const uint8_t> TypedArray<uint8_t>(const Napi::Value&, const std::string&);

arc2face::Plan Plan(const Napi::Value& value, const std::string& name) {
  constexpr size_t kStartLength = 2;
  constexpr size_t kAssignmentLength = 1 + kRegisters;
  constexpr size_t kStepLength = 6 + kMaxAssignments * kAssignmentLength;
  const auto packed = TypedArray<double>(value, name);
  if (packed.size() < kStartLength || (packed.size() - kStartLength) % kStepLength != 0) {
    Refuse(std::to_string(kStartLength) + " numbers and " + std::to_string(kStepLength) + " a step", name);
  }
  const auto count = [&](double number, double most) {
    if (!(number >= 0 && number <= most) || std::floor(number) != number) Refuse("whole counts", name);
    return static_cast<uint32_t>(number);
  };
  arc2face::Plan plan{{static_cast<float>(packed[0]), static_cast<float>(packed[1])}, {}};
  for (size_t at = kStartLength; at < packed.size(); at += kStepLength) {
    const auto from = packed.subspan(at, kStepLength);
    PlanStep step{};
    step.timestep = static_cast<float>(from[0]);
    step.input_scale = static_cast<float>(from[1]);
    step.draws_noise = count(from[2], 1);
    step.assignment_count = count(from[3], kMaxAssignments);
    step.kept = {static_cast<float>(from[4]), static_cast<float>(from[5])};
    for (uint32_t k = 0; k < kMaxAssignments; ++k) {
      const auto assignment = from.subspan(6 + k * kAssignmentLength, kAssignmentLength);
      step.assignments[k].to = count(assignment[0], kRegisters - 1);
      for (uint32_t i = 0; i < kRegisters; ++i) {
        step.assignments[k].coefficients[i] = static_cast<float>(assignment[1 + i]);
      }
    }
    plan.steps.push_back(step);
  }
  return plan;
}

tensorrt::LibraryPaths LibraryPaths(const Napi::Value& value, const std::string& name) {
  const Napi::Object from = Object(value, name);
  const auto path = [&](const char* field) { return String(from.Get(field), name + "." + field); };
  return {.provider = path("provider"),
          .core = path("core"),
          .parser = from.Get("parser").IsUndefined() ? "" : path("parser")};
}

Maps Files(const Napi::Value& value, const std::string& name) {
  const Napi::Array files = Array(value, name);
  Maps maps;
  for (uint32_t i = 0; i < files.Length(); ++i) {
    maps.push_back(MemoryMap::Open(String(files.Get(i), name + "[" + std::to_string(i) + "]")));
  }
  return maps;
}

NetworkSource Network(const Napi::Value& value, const std::string& name, const Maps& maps,
                      std::vector<std::vector<std::byte>>& graphs) {
  const Napi::Object from = Object(value, name);
  NetworkSource source;
  source.name = name;
  if (from.Has("file")) {
    const auto& map =
        maps[static_cast<size_t>(Integer(from.Get("file"), name + ".file", 0, static_cast<int64_t>(maps.size()) - 1))];
    source.graph = {map->data(), map->size()};
    source.maps = {map};
    return source;
  }
  const auto bytes = TypedArray<uint8_t>(from.Get("graph"), name + ".graph");
  auto& graph = graphs.emplace_back(bytes.size());
  if (!bytes.empty()) std::memcpy(graph.data(), bytes.data(), bytes.size());
  source.graph = graph;
  const Napi::Array weights = Array(from.Get("weights"), name + ".weights");
  std::vector<const MemoryMap*> used;
  for (uint32_t i = 0; i < weights.Length(); ++i) {
    source.weights.push_back(OneWeight(weights.Get(i), name + ".weights[" + std::to_string(i) + "]", maps, used));
  }
  for (const auto& map : maps) {
    if (std::find(used.begin(), used.end(), map.get()) != used.end()) source.maps.push_back(map);
  }
  return source;
}

NetworkSource Engine(const Napi::Value& value, const std::string& name) {
  const Napi::Object from = Object(value, name);
  NetworkSource source;
  source.name = name;
  source.engine = EngineFile{.path = String(from.Get("engine"), name + ".engine"),
                             .compiled = String(from.Get("compiled"), name + ".compiled")};
  return source;
}

std::vector<Profile> Profiles(const Napi::Value& value, const std::string& name) {
  const Napi::Array from = Array(value, name);
  if (from.Length() == 0) Refuse("at least one profile", name);
  std::vector<Profile> profiles;
  for (uint32_t i = 0; i < from.Length(); ++i) {
    const std::string label = name + "[" + std::to_string(i) + "]";
    const Napi::Object one = Object(from.Get(i), label);
    const Napi::Array inputs = one.GetPropertyNames();
    Profile& profile = profiles.emplace_back();
    for (uint32_t n = 0; n < inputs.Length(); ++n) {
      const std::string input = String(inputs.Get(n), label);
      profile.push_back({.input = input, .shape = Shape(one.Get(input), label + "." + input)});
    }
  }
  return profiles;
}

}  // namespace arc2face::marshal
