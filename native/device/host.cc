// The host as a device.
#include <cstring>
#include <new>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "../error.h"
#include "device.h"

namespace arc2face {
namespace {

class Now final : public Event {
 public:
  void Await() override {}
};

// Does everything at once.
class HostStream final : public Stream {
 public:
  void Upload(void* to, const void* from_host, size_t bytes) override { Copy(to, from_host, bytes); }
  void Download(void* to_host, const void* from, size_t bytes) override { Copy(to_host, from, bytes); }
  void Copy(void* to, const void* from, size_t bytes) override {
    if (bytes != 0) std::memcpy(to, from, bytes);  // without bytes, pointers may be null, which memcpy forbids
  }
  void Zero(void* to, size_t bytes) override {
    if (bytes != 0) std::memset(to, 0, bytes);
  }
  void Synchronize() override {}
  std::unique_ptr<Event> Record() override { return std::make_unique<Now>(); }
  void Replay(uint64_t, const std::function<void()>& record) override { record(); }
  void Forget(uint64_t) noexcept override {}
};

class Host final : public Device {
 public:
  const char* name() const noexcept override { return "cpu"; }
  void MakeCurrent() override {}
  bool asynchronous() const noexcept override { return false; }

  void* Allocate(size_t bytes) override {
    // No allocator has more than PTRDIFF_MAX bytes, and some add to the size before comparing.
    void* memory =
        bytes <= PTRDIFF_MAX - kAlignment ? ::operator new(bytes, std::align_val_t{kAlignment}, std::nothrow) : nullptr;
    if (memory == nullptr) {
      throw Error(ErrorCode::kOutOfMemory, "Could not allocate " + std::to_string(bytes) + " bytes of memory.",
                  {.device = name(), .bytes = bytes});
    }
    return memory;
  }
  void Free(void* memory) noexcept override { ::operator delete(memory, std::align_val_t{kAlignment}); }
  HostBytes AllocateHost(size_t bytes) override {
    return {new uint8_t[bytes], {[](uint8_t* memory) noexcept { delete[] memory; }}};
  }
  void Trim() noexcept override {
#ifdef __GLIBC__
    malloc_trim(0);  // in the arenas of all threads
#endif
  }
  std::unique_ptr<Stream> MakeStream() override { return std::make_unique<HostStream>(); }

 private:
  static constexpr size_t kAlignment = 256;
};

}  // namespace

Device& HostDevice() {
  static Host host;
  return host;
}

}  // namespace arc2face
