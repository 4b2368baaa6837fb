// The addon's openIdentitySource and openIdentityIndex.
#include "identities.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "../operations/face/face.h"
#include "../operations/face/identity_index.h"
#include "../operations/face/identity_source.h"
#include "environment.h"
#include "marshal.h"
#include "native_call.h"

namespace arc2face {

namespace {

// Searches take all processors: one at a time, and what belongs to one index in order.
Executor& Searcher() {
  static auto& searcher = *new Executor;
  return searcher;
}

Napi::Value ToFloatArray(Napi::Env env, const std::vector<float>& values) {
  auto array = Napi::Float32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

Napi::Value ToFound(Napi::Env env, const std::vector<IdentityIndex::Nearest>& found) {
  auto similarities = Napi::Float64Array::New(env, found.size());
  auto indices = Napi::Float64Array::New(env, found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    similarities[i] = found[i].similarity;
    indices[i] = static_cast<double>(found[i].index);
  }
  const Napi::Object result = Napi::Object::New(env);
  result.Set("similarities", similarities);
  result.Set("indices", indices);
  return result;
}

using Found = std::vector<IdentityIndex::Nearest>;

// The index, until `dispose` takes it.
using Slot = std::shared_ptr<std::shared_ptr<IdentityIndex>>;

std::shared_ptr<IdentityIndex> IndexIn(const Slot& slot) {
  if (*slot == nullptr) throw Error(ErrorCode::kDisposed, "The index was disposed.");
  return *slot;
}

void SetMethod(const Napi::Object& object, const char* name,
               std::function<Napi::Value(const Napi::CallbackInfo&)> method) {
  const auto guarded = [method = std::move(method)](const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&] { return method(info); });
  };
  object.Set(name, Napi::Function::New(object.Env(), guarded, name));
}

}  // namespace

Napi::Value OpenIdentitySource(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Guarded(env, [&] {
    const Napi::Object from = marshal::Object(info[0], "request");
    const auto numbers = [&](const char* name) {
      const Napi::Value value = from.Get(name);
      return value.IsUndefined() ? std::vector<double>() : marshal::Copy<double>(value, name);
    };
    const int64_t seed = marshal::Integer(from.Get("seed"), "seed", 0, (int64_t{1} << 53) - 1);
    const auto source =
        std::make_shared<IdentitySource>(static_cast<uint64_t>(seed), numbers("mean"), numbers("components"));
    const Napi::Object object = Napi::Object::New(env);
    SetMethod(object, "draw", [source](const Napi::CallbackInfo& info) -> Napi::Value {
      const auto count = static_cast<size_t>(marshal::Integer(info[0], "count", 0, 1 << 20));
      return StartTask<std::vector<float>>(
          info.Env(), Searcher(), {},
          [source, count](uint64_t, Interrupt& interrupt) { return source->Draw(count, interrupt); }, ToFloatArray);
    });
    return object;
  });
}

Napi::Value OpenIdentityIndex(const Napi::CallbackInfo& info) {
  const Napi::Object object = Napi::Object::New(info.Env());
  const Slot slot = std::make_shared<std::shared_ptr<IdentityIndex>>(std::make_shared<IdentityIndex>());
  SetMethod(object, "add", [slot](const Napi::CallbackInfo& info) -> Napi::Value {
    return StartTask<std::monostate>(
        info.Env(), Searcher(), {},
        [index = IndexIn(slot), vectors = marshal::Copy<float>(info[0], "vectors")](uint64_t, Interrupt&) {
          index->Add(vectors);
          return std::monostate{};
        },
        [](Napi::Env env, std::monostate) { return env.Undefined(); });
  });
  SetMethod(object, "find", [slot](const Napi::CallbackInfo& info) -> Napi::Value {
    return StartTask<Found>(
        info.Env(), Searcher(), {},
        [index = IndexIn(slot), vectors = marshal::Copy<float>(info[0], "vectors")](uint64_t, Interrupt& interrupt) {
          return index->Find(vectors, interrupt);
        },
        ToFound);
  });
  SetMethod(object, "addDistinct", [slot](const Napi::CallbackInfo& info) -> Napi::Value {
    return StartTask<Found>(
        info.Env(), Searcher(), {},
        [index = IndexIn(slot), vectors = marshal::Copy<float>(info[0], "vectors"),
         most_similar = marshal::Number(info[1], "mostSimilar")](uint64_t, Interrupt& interrupt) {
          return index->AddDistinct(vectors, most_similar, interrupt);
        },
        ToFound);
  });
  SetMethod(object, "dispose", [slot](const Napi::CallbackInfo& info) -> Napi::Value {
    slot->reset();
    return info.Env().Undefined();
  });
  return object;
}

}  // namespace arc2face
