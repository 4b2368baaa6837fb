// The seam to where data is: memory, copies, and an order of work. Devices are the host (host.cc) and NVIDIA GPUs
// (cuda.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <utility>

namespace arc2face {

// A moment in a stream's order of work. The stream outlives it.
class Event {
 public:
  virtual ~Event() = default;
  // Returns when all work queued before it is done; throws its failure. On the stream's thread.
  virtual void Await() = 0;
};

// An order of work on a device. Calls return once the work is queued; pointers are device memory unless named host,
// and what they point to must live until Synchronize, or until a later event has been awaited. On the host
// everything is done when the call returns.
class Stream {
 public:
  virtual ~Stream() = default;

  virtual void Upload(void* to, const void* from_host, size_t bytes) = 0;
  virtual void Download(void* to_host, const void* from, size_t bytes) = 0;
  virtual void Copy(void* to, const void* from, size_t bytes) = 0;
  virtual void Zero(void* to, size_t bytes) = 0;
  // Returns when all queued work is done; throws its failure.
  virtual void Synchronize() = 0;
  // This moment, after everything queued so far.
  virtual std::unique_ptr<Event> Record() = 0;

  // Runs `record`, which queues work on this stream. A device may capture what it queues as a graph and replay that on
  // later calls with the same key: so it may depend only on the key and device memory.
  virtual void Replay(uint64_t key, const std::function<void()>& record) = 0;
  // Drops what was captured for `key`: before memory or a network that it uses is freed.
  virtual void Forget(uint64_t key) noexcept = 0;

  // The device's own stream, to queue one more piece of work on: a cudaStream_t; null on the host, where the work is
  // done at once instead.
  virtual void* handle() { return nullptr; }
};

// Host memory, freed in its device's way.
struct HostDeleter {
  void (*free)(uint8_t*) noexcept = nullptr;
  void operator()(uint8_t* memory) const noexcept { free(memory); }
};
using HostBytes = std::unique_ptr<uint8_t[], HostDeleter>;

class Device {
 public:
  virtual ~Device() = default;
  virtual const char* name() const noexcept = 0;  // "cpu", "cuda:0"
  // Makes this the calling thread's device, for libraries that use the current one. Throws kEngineFailed.
  virtual void MakeCurrent() = 0;
  // Throws kDeviceLost if nothing can run on this device any more: asked after a library's call has failed, whose error
  // does not tell. Spoils a capture by the thread.
  virtual void CheckAlive() {}
  // Whether queued work runs in parallel with the thread that queued it, and streams with one another.
  virtual bool asynchronous() const noexcept = 0;

  // `bytes` of uninitialised memory, aligned to 256. Throws kOutOfMemory, naming the size.
  virtual void* Allocate(size_t bytes) = 0;
  virtual void Free(void* memory) noexcept = 0;
  // `bytes` of uninitialised host memory, aligned for any type, that copies from and to this device are fastest with.
  // Any thread may free it, as late as it likes. Throws kOutOfMemory.
  virtual HostBytes AllocateHost(size_t bytes) = 0;
  // Bytes that can be allocated; empty where that can't be told, as with memory that the system takes back from its
  // caches.
  virtual std::optional<size_t> FreeBytes() { return std::nullopt; }
  // Returns memory freed by us or a provider to the system; allocators tend to keep it.
  virtual void Trim() noexcept = 0;
  virtual std::unique_ptr<Stream> MakeStream() = 0;

  // Held, shared, while calling a library that may wait for the whole device, as loading and building do: on a GPU
  // that spoils every graph capture under way, and fails itself. Held exclusively during a capture.
  std::shared_mutex& captures() noexcept { return captures_; }

 private:
  std::shared_mutex captures_;
};

// The host. Lives as long as the process.
Device& HostDevice();

// Owns `size()` elements of device memory; their values are undefined until written. The device must outlive it.
template <typename T>
class DeviceBuffer {
  static_assert(std::is_trivially_copyable_v<T>, "elements are moved with memcpy");

 public:
  DeviceBuffer() = default;
  DeviceBuffer(Device& device, size_t size)
      : device_(&device), data_(static_cast<T*>(device.Allocate(size * sizeof(T)))), size_(size) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : device_(other.device_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~DeviceBuffer() {
    if (data_ != nullptr) device_->Free(data_);
  }

  T* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  size_t bytes() const noexcept { return size_ * sizeof(T); }

 private:
  Device* device_ = nullptr;
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace arc2face
