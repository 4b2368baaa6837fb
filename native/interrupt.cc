// Requests to stop work in progress.
#include "interrupt.h"

#include <unordered_set>
#include <utility>

namespace arc2face {
namespace {

// The interrupts with open scopes. Locked before an interrupt's own mutex.
struct OpenScopes {
  std::mutex mutex;
  std::unordered_set<Interrupt*> interrupts;
  bool all_requested = false;
};

OpenScopes& Open() {
  static auto& open = *new OpenScopes;  // never destroyed: work may outlast static destruction
  return open;
}

}  // namespace

void Interrupt::Request() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(requested_, true)) return;
  if (handler_) handler_();
}

bool Interrupt::requested() const {
  const std::lock_guard lock(mutex_);
  return requested_;
}

void Interrupt::RequestAll() {
  const std::lock_guard lock(Open().mutex);
  Open().all_requested = true;
  for (Interrupt* interrupt : Open().interrupts) interrupt->Request();
}

Interrupt::Scope::Scope(Interrupt& interrupt, std::function<void()> stop) : interrupt_(interrupt) {
  const std::lock_guard open_lock(Open().mutex);
  {
    const std::lock_guard lock(interrupt_.mutex_);
    if (interrupt_.requested_) stop();
    interrupt_.handler_ = std::move(stop);
  }
  Open().interrupts.insert(&interrupt_);
  if (Open().all_requested) interrupt_.Request();
}

Interrupt::Scope::~Scope() {
  const std::lock_guard open_lock(Open().mutex);
  Open().interrupts.erase(&interrupt_);
  const std::lock_guard lock(interrupt_.mutex_);
  interrupt_.handler_ = nullptr;
}

}  // namespace arc2face
