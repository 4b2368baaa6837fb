// Calls in flight as JavaScript sees them (NativeCall in lib/native.ts).
#pragma once

#include <napi.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>

#include "environment.h"
#include "marshal.h"

namespace arc2face {

// The given fields of a request.
inline Listeners ListenersOf(const Napi::Object& request, std::initializer_list<const char*> names) {
  Listeners listeners;
  for (const char* name : names) {
    auto listener = marshal::OptionalFunction(request.Get(name), name);
    if (!listener.IsEmpty()) listeners.emplace(name, std::move(listener));
  }
  return listeners;
}

inline Napi::Object NativeCall(Napi::Env env, Napi::Promise promise, std::function<void()> cancel) {
  Napi::Object call = Napi::Object::New(env);
  call.Set("promise", promise);
  call.Set("cancel", Napi::Function::New(env, [cancel = std::move(cancel)](const Napi::CallbackInfo&) { cancel(); }));
  return call;
}

// Starts a call of the pipeline. `start` gets the number of the call, for its listeners, and what settles it; `to_js`
// makes the value on the JavaScript thread.
template <typename T, typename Start, typename ToJs>
Napi::Object StartCall(const Napi::CallbackInfo& info, const std::shared_ptr<Pipeline>& pipeline, Listeners listeners,
                       const Start& start, ToJs to_js) {
  const Napi::Env env = info.Env();
  Environment& environment = Environment::Of(env);
  const auto deferred = Napi::Promise::Deferred::New(env);
  // Keeps the model: a dropped one is disposed, with its calls.
  const uint64_t number =
      environment.Open(deferred, std::move(listeners), Napi::Persistent(info.This().As<Napi::Object>()));
  auto done = [mailbox = environment.mailbox(), number, to_js](Outcome<T> outcome) {
    // Shared, because a letter must be copyable and an outcome may not be.
    mailbox->Post(
        [number, to_js, outcome = std::make_shared<Outcome<T>>(std::move(outcome))](Napi::Env, Environment& to) {
          if (auto* value = std::get_if<0>(outcome.get())) {
            to.Resolve(number, [&](Napi::Env env) { return to_js(env, std::move(*value)); });
          } else {
            to.Reject(number, std::get<1>(*outcome));
          }
        });
  };
  try {
    const std::shared_ptr<Call> call = start(number, std::move(done));
    return NativeCall(env, deferred.Promise(), [pipeline, call] { pipeline->Cancel(call); });
  } catch (...) {
    environment.Reject(number, CurrentError());
    return NativeCall(env, deferred.Promise(), [] {});
  }
}

// Starts work that belongs to no model, on a thread of its own kind. `work(call, interrupt)` makes a T, which is
// copyable, from plain values; `call` is the number of the call, for its listeners. `to_js` makes the value on the
// JavaScript thread. Work cancelled before its turn is never begun.
template <typename T, typename Work, typename ToJs>
Napi::Object StartTask(Napi::Env env, Executor& executor, Listeners listeners, Work work, ToJs to_js) {
  Environment& environment = Environment::Of(env);
  const auto deferred = Napi::Promise::Deferred::New(env);
  const uint64_t number = environment.Open(deferred, std::move(listeners), {});
  const auto task = std::make_shared<Environment::Task>();
  environment.tasks().emplace(number, task);
  executor.Post([mailbox = environment.mailbox(), number, task, work = std::move(work), to_js] {
    if (!task->Claim()) return;
    auto outcome = std::make_shared<Outcome<T>>();
    try {
      outcome->template emplace<0>(work(number, task->interrupt));
    } catch (...) {
      outcome->template emplace<1>(CurrentError());
    }
    mailbox->Post([number, to_js, outcome](Napi::Env, Environment& to) {
      to.tasks().erase(number);
      if (const auto* value = std::get_if<0>(outcome.get())) {
        to.Resolve(number, [&](Napi::Env env) -> Napi::Value { return to_js(env, *value); });
      } else {
        to.Reject(number, std::get<1>(*outcome));
      }
    });
  });
  return NativeCall(env, deferred.Promise(), [&environment, number, task] {
    task->interrupt.Request();
    if (!task->Claim()) return;
    environment.tasks().erase(number);
    environment.Reject(number, std::make_exception_ptr(Error(ErrorCode::kCancelled, "The call was cancelled.")));
  });
}

}  // namespace arc2face
