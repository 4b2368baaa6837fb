// One Node environment: its calls, and its end.
#include "environment.h"

#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "../process_end.h"

namespace arc2face {

void Mailbox::Post(Letter letter) {
  // Locked while waking, so that the environment can't end in between.
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  letters_.push_back(std::move(letter));
  wake_.NonBlockingCall();
}

Environment::Environment(Napi::Env env) : env_(env), mailbox_(std::make_shared<Mailbox>()) {
  const auto deliver = Napi::Function::New(env, [](const Napi::CallbackInfo& info) { Of(info.Env()).Deliver(); });
  mailbox_->wake_ = Napi::ThreadSafeFunction::New(env, deliver, "arc2face", 0, 1);
  mailbox_->wake_.Unref(env);
  // Hooks run in reverse order: this one before the thread-safe function's own.
  env.AddCleanupHook([this] { Close(); });
}

Environment::~Environment() = default;

// Work stops when it notices, on threads that outlive the environment. Waits for it only in a process whose main thread
// does not use the library, and then at most two seconds: see StopWorkAtExitOfOthers.
void Environment::Close() {
  for (auto& [call, task] : tasks_) {
    task->interrupt.Request();
    task->Claim();  // one still waiting is never begun
  }
  tasks_.clear();
  {
    const std::lock_guard lock(mailbox_->mutex_);
    mailbox_->closed_ = true;
    mailbox_->letters_.clear();
    mailbox_->wake_.Release();
  }
  const auto give_back = [pipelines = std::exchange(pipelines_, {})] {
    for (const auto& pipeline : pipelines) pipeline->Dispose([] {});
  };
  if (IsMainThread()) {
    // The process most likely ends too, so freeing gigabytes would only take time.
    try {
      std::thread([give_back] {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        give_back();
      }).detach();
    } catch (const std::system_error&) {
      // Too little memory for a thread: the end of the process frees everything.
    }
  } else {
    give_back();
  }
  calls_.clear();
  StopWorkAtExitOfOthers();
}

void Environment::Deliver() {
  std::deque<Mailbox::Letter> letters;
  {
    const std::lock_guard lock(mailbox_->mutex_);
    letters.swap(mailbox_->letters_);
  }
  for (const auto& letter : letters) {
    const Napi::HandleScope scope(env_);
    try {
      letter(env_, *this);
    } catch (const Napi::Error&) {
      // Calls settle in Resolve, Reject and Tell, whatever a caller's code throws. So the environment itself
      // refused: its thread is being terminated, and Close follows.
      return;
    }
  }
}

uint64_t Environment::Open(Napi::Promise::Deferred deferred, Listeners listeners, Napi::ObjectReference owner) {
  if (calls_.empty()) mailbox_->wake_.Ref(env_);
  calls_.emplace(next_call_, Pending{deferred, std::move(listeners), std::move(owner)});
  return next_call_++;
}

std::optional<Environment::Pending> Environment::Take(uint64_t call) {
  auto node = calls_.extract(call);
  if (node.empty()) return std::nullopt;
  if (calls_.empty()) mailbox_->wake_.Unref(env_);
  return std::move(node.mapped());
}

void Environment::Resolve(uint64_t call, const std::function<Napi::Value(Napi::Env)>& value) {
  const auto pending = Take(call);
  if (!pending) return;
  try {
    pending->deferred.Resolve(value(env_));
  } catch (const Napi::Error& error) {
    pending->deferred.Reject(error.Value());
  } catch (...) {
    pending->deferred.Reject(ToJavaScript(env_, CurrentError()).Value());
  }
}

void Environment::Reject(uint64_t call, const std::exception_ptr& error) {
  if (const auto pending = Take(call)) pending->deferred.Reject(ToJavaScript(env_, error).Value());
}

void Environment::Tell(uint64_t call, const std::string& listener, const std::function<Napi::Value(Napi::Env)>& value) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  const auto told = found->second.listeners.find(listener);
  if (told == found->second.listeners.end()) return;
  try {
    told->second.Call({value(env_)});
  } catch (const Napi::Error& error) {
    if (const auto pending = Take(call)) pending->deferred.Reject(error.Value());
  }
}

static Napi::Object ToJavaScript(Napi::Env env, const ErrorDetails& details) {
  const Napi::Object result = Napi::Object::New(env);
  for (const auto& [name, text] : {std::pair{"option", &details.option},
                                   {"file", &details.file},
                                   {"network", &details.network},
                                   {"tensor", &details.tensor},
                                   {"device", &details.device}}) {
    if (!text->empty()) result.Set(name, *text);
  }
  for (const auto& [name, number] :
       {std::pair{"bytes", details.bytes}, {"freeBytes", details.free_bytes}, {"batchSize", details.batch_size}}) {
    if (number) result.Set(name, static_cast<double>(*number));
  }
  return result;
}

Napi::Error ToJavaScript(Napi::Env env, const std::exception_ptr& error) {
  const auto make = [env](ErrorCode code, const char* problem, const ErrorDetails& details = {}) {
    const Napi::Error result = Napi::Error::New(env, problem);
    result.Value().Set("code", Napi::String::New(env, Name(code)));
    result.Value().Set("details", ToJavaScript(env, details));
    return result;
  };
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return make(known.code(), known.what(), known.details());
  } catch (const std::exception& other) {
    return make(ErrorCode::kEngineFailed, other.what());
  } catch (...) {
    return make(ErrorCode::kEngineFailed, "Something that is no exception was thrown.");
  }
}

}  // namespace arc2face
