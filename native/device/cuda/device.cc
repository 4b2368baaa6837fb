// The GPUs of this machine as devices: their survey, memory and copies.
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "../../error.h"
#include "../cuda.h"
#include "check.h"
#include "owners.h"
#include "pinned.h"
#include "retired.h"
#include "stream.h"

namespace arc2face {
namespace {

// The least compute capability that cuda.cmake compiles kernels for by default.
constexpr int kLeastCapability = 75;

// Memory comes from the driver's pool, in the order of a stream of its own, which unlike cudaMalloc and cudaFree waits
// for no work. GPUs without one, such as some virtual ones, make do with those.
class Cuda final : public Device {
 public:
  explicit Cuda(int index) : index_(index), name_("cuda:" + std::to_string(index)) {
    MakeCurrent();
    stream_ = MakeCudaStream();
    int shares_host_memory = 0;
    CheckCuda(cudaDeviceGetAttribute(&shares_host_memory, cudaDevAttrIntegrated, index), "ask for its kind of memory");
    free_bytes_tell_ = shares_host_memory == 0;
#ifdef _WIN32
    // Under every driver model but TCC, Windows moves what other programs have there out of the way.
    int is_tcc = 0;
    CheckCuda(cudaDeviceGetAttribute(&is_tcc, cudaDevAttrTccDriver, index), "ask for its driver model");
    free_bytes_tell_ = free_bytes_tell_ && is_tcc != 0;
#endif
    int has_pool = 0;
    CheckCuda(cudaDeviceGetAttribute(&has_pool, cudaDevAttrMemoryPoolsSupported, index), "ask for memory pools");
    if (has_pool == 0) return;
    CheckCuda(cudaDeviceGetDefaultMemPool(&pool_, index), "get the memory pool");
    uint64_t keep_everything = UINT64_MAX;  // until Trim
    CheckCuda(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep_everything),
              "set up the memory pool");
  }

  const char* name() const noexcept override { return name_.c_str(); }

  // CUDA works on the current device of the calling thread.
  void MakeCurrent() override { ChooseGpu(index_); }
  void CheckAlive() override {
    MakeCurrent();
    // A lost GPU answers every call with its failure.
    CheckCuda(cudaStreamSynchronize(stream_.get()), "go on");
  }
  bool asynchronous() const noexcept override { return true; }

  void* Allocate(size_t bytes) override {
    MakeCurrent();
    Reclaim();
    void* memory = TryAllocate(bytes);
    if (memory == nullptr) {
      Trim();  // the pool may be full of pieces too small
      memory = TryAllocate(bytes);
    }
    if (memory == nullptr) {
      throw Error(ErrorCode::kOutOfMemory, "Could not allocate " + std::to_string(bytes) + " bytes on " + name_ + ".",
                  {.device = name_, .bytes = bytes});
    }
    return memory;
  }

  void Free(void* memory) noexcept override {
    retired_.Add(memory);
    cudaSetDevice(index_);
    Reclaim();
  }

  HostBytes AllocateHost(size_t bytes) override {
    MakeCurrent();
    return AllocatePinned(bytes);
  }

  std::optional<size_t> FreeBytes() override {
    if (!free_bytes_tell_) return std::nullopt;
    MakeCurrent();
    TrimPool();  // what it keeps is as good as free
    size_t free = 0, total = 0;
    CheckCuda(cudaMemGetInfo(&free, &total), "read the size of the memory");
    return free + PoolGaps();
  }

  void Trim() noexcept override {
    cudaSetDevice(index_);
    TrimPool();
    TrimPinned();
  }

  std::unique_ptr<Stream> MakeStream() override {
    MakeCurrent();
    return std::make_unique<CudaStream>(index_, *this, retired_.AddStream());
  }

 private:
  // Null if there is not enough.
  void* TryAllocate(size_t bytes) {
    void* memory = nullptr;
    bytes = std::max<size_t>(bytes, 1);  // allocating nothing would give null
    const cudaError_t status =
        pool_ == nullptr ? cudaMalloc(&memory, bytes) : cudaMallocAsync(&memory, bytes, stream_.get());
    if (status == cudaErrorMemoryAllocation || status == cudaErrorInvalidValue) {
      cudaGetLastError();
      return nullptr;
    }
    CheckCuda(status, "allocate memory");
    // Then any stream may use it. Only allocations are ever queued here.
    const cudaError_t ready = cudaStreamSynchronize(stream_.get());
    if (ready != cudaSuccess) GiveBack(memory);
    CheckCuda(ready, "allocate memory");
    return memory;
  }

  void TrimPool() noexcept {
    Reclaim();
    cudaStreamSynchronize(stream_.get());
    if (pool_ != nullptr) cudaMemPoolTrimTo(pool_, 0);
  }

  // Bytes of what the pool can't give back, because parts of it are in use, that are not: it allocates from them.
  size_t PoolGaps() {
    if (pool_ == nullptr) return 0;
    uint64_t reserved = 0, used = 0;
    CheckCuda(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved), "ask the memory pool");
    CheckCuda(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used), "ask the memory pool");
    return static_cast<size_t>(reserved - std::min(used, reserved));
  }

  void Reclaim() noexcept {
    for (void* memory : retired_.Take()) GiveBack(memory);
  }

  void GiveBack(void* memory) noexcept {
    if (pool_ == nullptr) {
      cudaFree(memory);
    } else {
      cudaFreeAsync(memory, stream_.get());
    }
  }

  int index_;
  std::string name_;
  OwnedStream stream_;
  bool free_bytes_tell_;          // what can be allocated
  cudaMemPool_t pool_ = nullptr;  // null: there is none
  RetiredMemory retired_;
};

std::string Version(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string Obstacle(cudaError_t status, const CudaSurvey& survey) {
  if (survey.driver_version == 0) return "No NVIDIA driver was found.";
  if (status == cudaErrorInsufficientDriver) {
    return "The NVIDIA driver is too old: it is for CUDA " + Version(survey.driver_version) +
           ", but the package was built with CUDA " + Version(survey.runtime_version) + ".";
  }
  if (status == cudaSuccess || status == cudaErrorNoDevice) return "The NVIDIA driver found no GPU.";
  return std::string("The NVIDIA driver can't be used: ") + cudaGetErrorString(status) + " (" +
         cudaGetErrorName(status) + ").";
}

}  // namespace

CudaSurvey FindCudaGpus() {
  CudaSurvey survey{};
  // Without a driver these fail or give 0; the counts stay 0 then.
  cudaRuntimeGetVersion(&survey.runtime_version);
  cudaDriverGetVersion(&survey.driver_version);
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  for (int i = 0; status == cudaSuccess && i < count; ++i) {
    cudaDeviceProp properties;
    status = cudaGetDeviceProperties(&properties, i);
    const int capability = 10 * properties.major + properties.minor;
    if (status == cudaSuccess) {
      survey.gpus.push_back({properties.name, capability, properties.totalGlobalMem, properties.multiProcessorCount,
                             capability >= kLeastCapability});
    }
  }
  if (status != cudaSuccess) survey.gpus.clear();
  if (survey.gpus.empty()) survey.obstacle = Obstacle(status, survey);
  cudaGetLastError();
  return survey;
}

Device& CudaDevice(int index) {
  // Never destroyed: at the end of a process the driver may go before static objects.
  static auto& mutex = *new std::mutex;
  static auto& devices = *new std::map<int, std::unique_ptr<Cuda>>;
  const std::lock_guard lock(mutex);
  auto& device = devices[index];
  if (device) return *device;

  const std::string name = "cuda:" + std::to_string(index);
  const CudaSurvey survey = FindCudaGpus();
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kNoDevice, "Can't use " + name + ": " + why, {.device = name});
  };
  if (!survey.obstacle.empty()) refuse(survey.obstacle);
  const size_t gpus = survey.gpus.size();
  if (index < 0 || static_cast<size_t>(index) >= gpus) {
    refuse(gpus == 1 ? "The only GPU is cuda:0." : "The last GPU is cuda:" + std::to_string(gpus - 1) + ".");
  }
  const CudaGpu& gpu = survey.gpus[index];
  if (!gpu.supported) {
    refuse("The " + gpu.name + " has compute capability " + std::to_string(gpu.capability / 10) + "." +
           std::to_string(gpu.capability % 10) + ", and " + std::to_string(kLeastCapability / 10) + "." +
           std::to_string(kLeastCapability % 10) + " is the least.");
  }
  device = std::make_unique<Cuda>(index);
  return *device;
}

}  // namespace arc2face
