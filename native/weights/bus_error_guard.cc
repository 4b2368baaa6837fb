// The signal handler for truncated files.
#ifndef _WIN32
#include "bus_error_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

namespace arc2face {

// `end` is written last when a range is taken and first when it is released, so the handler, which may look at any
// time, never sees a range that is not mapped. 0: free.
struct GuardedRange {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> damaged{false};
};

namespace {

// The handler must not lock or allocate, so the ranges are in blocks that are never freed, linked by atomic pointers.
struct Block {
  GuardedRange ranges[64];
  std::atomic<Block*> next{nullptr};
};
Block first_block;
std::mutex mutex;  // for taking and releasing ranges

static_assert(std::atomic<uintptr_t>::is_always_lock_free && std::atomic<Block*>::is_always_lock_free,
              "a signal handler must not wait for a lock");

struct sigaction previous;
uintptr_t page_size = 0;

void PassOn(int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // Returning repeats the access, which now ends the process as usual.
    sigaction(signal, &previous, nullptr);
  }
}

// Maps a page of zeros where the file has none.
bool MapZeros(uintptr_t page) {
  constexpr int kFlags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef __linux__
  // The system call itself, which is safe in a handler; wrappers around mmap (sanitizers, profilers) need
  // not be.
  return syscall(SYS_mmap, page, page_size, PROT_READ, kFlags, -1, 0) != -1;
#else
  return mmap(reinterpret_cast<void*>(page), page_size, PROT_READ, kFlags, -1, 0) != MAP_FAILED;
#endif
}

void OnBusError(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Block* block = &first_block; block != nullptr; block = block->next.load(std::memory_order_acquire)) {
    for (GuardedRange& range : block->ranges) {
      if (address >= range.end.load(std::memory_order_acquire) ||
          address < range.begin.load(std::memory_order_relaxed)) {
        continue;
      }
      if (!MapZeros(address / page_size * page_size)) continue;
      range.damaged.store(true, std::memory_order_release);
      errno = saved_errno;
      return;
    }
  }
  errno = saved_errno;
  PassOn(signal, info, context);
}

void InstallHandler() {
  page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action{};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

GuardedRange& FreeRange() {
  for (Block* block = &first_block;; block = block->next.load(std::memory_order_relaxed)) {
    for (GuardedRange& range : block->ranges) {
      if (range.end.load(std::memory_order_relaxed) == 0) return range;
    }
    if (block->next.load(std::memory_order_relaxed) == nullptr) block->next.store(new Block, std::memory_order_release);
  }
}

}  // namespace

GuardedRange* Guard(const void* begin, size_t size) {
  static const bool installed = (InstallHandler(), true);
  static_cast<void>(installed);
  const std::lock_guard lock(mutex);
  GuardedRange& range = FreeRange();
  range.damaged.store(false, std::memory_order_relaxed);
  range.begin.store(reinterpret_cast<uintptr_t>(begin), std::memory_order_relaxed);
  range.end.store(reinterpret_cast<uintptr_t>(begin) + size, std::memory_order_release);
  return &range;
}

void Unguard(GuardedRange* range) noexcept {
  const std::lock_guard lock(mutex);
  range->end.store(0, std::memory_order_release);
}

bool Damaged(const GuardedRange* range) noexcept { return range->damaged.load(std::memory_order_acquire); }

}  // namespace arc2face
#endif
