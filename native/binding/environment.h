// One Node environment (the main thread or a worker): the calls in flight, and the way back to its JavaScript thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "../pipeline/pipeline.h"

namespace arc2face {

class Environment;

// A caller's functions to call during the call, by the name of their field: "onStep".
using Listeners = std::map<std::string, Napi::FunctionReference>;

// Carries work to the JavaScript thread, from any thread. What arrives after the environment's end is dropped.
class Mailbox {
 public:
  using Letter = std::function<void(Napi::Env, Environment&)>;

  void Post(Letter letter);

 private:
  friend class Environment;
  std::mutex mutex_;
  std::deque<Letter> letters_;
  bool closed_ = false;
  Napi::ThreadSafeFunction wake_;
};

// All members but the mailbox belong to the JavaScript thread. Other threads hold a call's number only, so that nothing
// of N-API is ever destroyed on one of them.
class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();
  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  const std::shared_ptr<Mailbox>& mailbox() const noexcept { return mailbox_; }

  // Registers a call; the event loop stays alive until it is settled, and `owner` too, which may be empty.
  uint64_t Open(Napi::Promise::Deferred deferred, Listeners listeners, Napi::ObjectReference owner);
  void Resolve(uint64_t call, const std::function<Napi::Value(Napi::Env)>& value);
  void Reject(uint64_t call, const std::exception_ptr& error);
  // Calls a listener of the call, if it exists and the call is not settled. If it throws, the call rejects.
  void Tell(uint64_t call, const std::string& listener, const std::function<Napi::Value(Napi::Env)>& value);

  // Pipelines to free and tasks to stop when the environment ends, by the number of their call.
  std::unordered_set<std::shared_ptr<Pipeline>>& pipelines() noexcept { return pipelines_; }
  class Task;
  std::unordered_map<uint64_t, std::shared_ptr<Task>>& tasks() noexcept { return tasks_; }

  Napi::FunctionReference model_class;

 private:
  struct Pending {
    Napi::Promise::Deferred deferred;
    Listeners listeners;
    Napi::ObjectReference owner;
  };
  void Deliver();
  void Close();
  std::optional<Pending> Take(uint64_t call);

  Napi::Env env_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<uint64_t, Pending> calls_;
  uint64_t next_call_ = 1;
  std::unordered_set<std::shared_ptr<Pipeline>> pipelines_;
  std::unordered_map<uint64_t, std::shared_ptr<Task>> tasks_;
};

// A model being loaded or an engine being built, or waiting for its turn.
class Environment::Task {
 public:
  // True for the first caller: the thread that is to do it, or whoever cancels it before.
  bool Claim() noexcept { return !claimed_.exchange(true); }

  Interrupt interrupt;

 private:
  std::atomic<bool> claimed_ = false;
};

// The error as JavaScript sees it: an Error with `code` and `details`.
Napi::Error ToJavaScript(Napi::Env env, const std::exception_ptr& error);

// Runs `body`, turning the core's errors into JavaScript's.
template <typename Body>
auto Guarded(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw ToJavaScript(env, CurrentError());
  }
}

}  // namespace arc2face
