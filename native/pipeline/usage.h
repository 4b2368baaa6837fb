// What a model has done since it was loaded, and what it has to do: counted where it happens, read from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace arc2face {

// Where the time of calls that paint goes. kWaiting is of calls until their work begins, the others are the threads'.
enum class Phase : size_t { kWaiting, kConditioning, kDenoising, kDecoding };

struct Usage {
  uint64_t images = 0;                 // now in memory: being painted, or waiting
  uint64_t evaluations = 0;            // of the noise predictor
  uint64_t rows = 0;                   // that these had of images
  uint64_t places = 0;                 // rows that these could have had
  uint64_t steps = 0;                  // of images
  std::array<double, 4> seconds = {};  // by Phase
};

class UsageCounter {
 public:
  using Clock = std::chrono::steady_clock;

  Usage Read() const {
    const std::lock_guard lock(mutex_);
    return usage_;
  }
  void Come(uint64_t images) {
    const std::lock_guard lock(mutex_);
    usage_.images += images;
  }
  void Leave(uint64_t images) {
    const std::lock_guard lock(mutex_);
    usage_.images -= images;
  }
  void Evaluated(uint64_t images, uint64_t rows, uint64_t places) {
    const std::lock_guard lock(mutex_);
    ++usage_.evaluations;
    usage_.rows += rows;
    usage_.places += places;
    usage_.steps += images;
  }
  void Spent(Phase phase, Clock::time_point since) {
    const std::chrono::duration<double> passed = Clock::now() - since;
    const std::lock_guard lock(mutex_);
    usage_.seconds[static_cast<size_t>(phase)] += passed.count();
  }

 private:
  mutable std::mutex mutex_;  // held for a few additions only: who reads never waits for work
  Usage usage_;
};

// Adds to a phase what passes until its end.
class TimeOf {
 public:
  TimeOf(UsageCounter& usage, Phase phase) : usage_(usage), phase_(phase) {}
  ~TimeOf() { usage_.Spent(phase_, since_); }
  TimeOf(const TimeOf&) = delete;
  TimeOf& operator=(const TimeOf&) = delete;

 private:
  UsageCounter& usage_;
  Phase phase_;
  UsageCounter::Clock::time_point since_ = UsageCounter::Clock::now();
};

}  // namespace arc2face
