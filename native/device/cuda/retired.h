// Memory freed while work that uses it may still be queued, as when an error ends a function early.
// Freeing by the driver waits for the whole GPU, including other models' work; this never waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace arc2face {

// One stream's progress. Work is counted before it is queued; the owner's thread reports what is done.
class StreamClock {
 public:
  void Tick() noexcept { ++queued_; }
  // Stands for everything queued so far.
  uint64_t Now() const noexcept { return queued_; }
  void Reach(uint64_t time) noexcept {
    if (!HasReached(time)) reached_ = time;
  }
  bool HasReached(uint64_t time) const noexcept { return reached_ >= time; }

 private:
  std::atomic<uint64_t> queued_ = 0, reached_ = 0;
};

// Any thread.
class RetiredMemory {
 public:
  // The clock of a new stream. It must have reached Now() when returned.
  std::shared_ptr<StreamClock> AddStream() {
    const auto clock = std::make_shared<StreamClock>();
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
    streams_.push_back(clock);
    return clock;
  }

  void Add(void* memory) {
    const std::lock_guard lock(mutex_);
    Entry entry{memory, {}};
    for (const auto& stream : streams_) {
      const auto clock = stream.lock();
      if (clock && !clock->HasReached(clock->Now())) entry.uses.emplace_back(clock, clock->Now());
    }
    entries_.push_back(std::move(entry));
  }

  // Takes what no stream can be using any more.
  std::vector<void*> Take() {
    std::vector<void*> unused;
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) {
      for (const auto& [stream, time] : entry.uses) {
        if (!stream->HasReached(time)) return false;
      }
      unused.push_back(entry.memory);
      return true;
    });
    return unused;
  }

 private:
  struct Entry {
    void* memory;
    std::vector<std::pair<std::shared_ptr<StreamClock>, uint64_t>> uses;
  };

  std::mutex mutex_;
  std::vector<std::weak_ptr<StreamClock>> streams_;
  std::vector<Entry> entries_;
};

}  // namespace arc2face
