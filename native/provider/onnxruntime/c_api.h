// The part of ONNX Runtime's C API that we use, declared here: its header comes with no package that a clone of
// this project installs, and the library is opened at run time, not linked.
//
// The API is a table of function pointers that only grows at its end; ONNX Runtime promises that to its clients. So
// an entry is its index and its signature. Both follow onnxruntime_c_api.h of version 1.23 (ORT_API_VERSION 23) and
// hold in every later one; test/native/check-onnxruntime-table.mjs compares them with an official header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arc2face::ort {

#ifdef _WIN32
#define ARC2FACE_ORT_CALL __stdcall
#else
#define ARC2FACE_ORT_CALL
#endif

// The table's version that we request: that of the oldest library that we accept, 1.23.
inline constexpr uint32_t kApiVersion = 23;
inline constexpr int kMinorVersion = 23;

// Opaque objects of the library. Null as a Status* means success.
struct Allocator;
struct Env;
struct MemoryInfo;
struct RunOptions;
struct Session;
struct SessionOptions;
struct Status;
struct TensorTypeInfo;  // OrtTensorTypeAndShapeInfo
struct TypeInfo;
struct Value;

// Values of enumerations that cross the table. On the C side they are plain enums, so int.
enum : int { kSeverityFatal = 4 };          // OrtLoggingLevel
enum : int { kOptimizeAll = 99 };           // GraphOptimizationLevel
enum : int { kDeviceAllocator = 0 };        // OrtAllocatorType
enum : int { kMemoryDefault = 0 };          // OrtMemType
enum : int { kInvalidArgumentStatus = 2 };  // OrtErrorCode
enum : int {                                // ONNXTensorElementDataType
  kElementFloat32 = 1,
  kElementUint8 = 2,
  kElementInt8 = 3,
  kElementInt16 = 5,
  kElementInt32 = 6,
  kElementInt64 = 7,
  kElementBool = 9,
  kElementFloat16 = 10,
  kElementFloat64 = 11,
  kElementBFloat16 = 16,
};

using LogFunction = void(ARC2FACE_ORT_CALL*)(void* context, int severity, const char* category, const char* log_id,
                                             const char* location, const char* message);

// Entry `kIndex` of the table, callable as a function.
template <size_t kIndex, typename Signature>
class Entry;
template <size_t kIndex, typename Result, typename... Arguments>
class Entry<kIndex, Result(Arguments...)> {
 public:
  using Function = Result(ARC2FACE_ORT_CALL*)(Arguments...);

  explicit Entry(const void* const* table) : function_(reinterpret_cast<Function>(const_cast<void*>(table[kIndex]))) {}
  Result operator()(Arguments... arguments) const { return function_(arguments...); }
  Function pointer() const noexcept { return function_; }

 private:
  Function function_;
};

struct Api {
  const void* const* table;

  Entry<1, int(const Status*)> GetErrorCode{table};
  Entry<2, const char*(const Status*)> GetErrorMessage{table};
  Entry<93, void(Status*)> ReleaseStatus{table};

  Entry<4, Status*(LogFunction, void* context, int severity, const char* log_id, Env**)> CreateEnvWithCustomLogger{
      table};

  Entry<10, Status*(SessionOptions**)> CreateSessionOptions{table};
  Entry<17, Status*(SessionOptions*)> DisableMemPattern{table};
  Entry<23, Status*(SessionOptions*, int level)> SetSessionGraphOptimizationLevel{table};
  Entry<24, Status*(SessionOptions*, int threads)> SetIntraOpNumThreads{table};
  Entry<25, Status*(SessionOptions*, int threads)> SetInterOpNumThreads{table};
  Entry<130, Status*(SessionOptions*, const char* key, const char* value)> AddSessionConfigEntry{table};
  Entry<210, Status*(SessionOptions*, const char* const* names, const Value* const* values, size_t count)>
      AddExternalInitializers{table};
  Entry<150, Status*(SessionOptions*, const char* name, const Value*)> AddInitializer{table};
  Entry<293, Status*(SessionOptions*, bool cancel)> SessionOptionsSetLoadCancellationFlag{table};
  Entry<100, void(SessionOptions*)> ReleaseSessionOptions{table};

  Entry<8, Status*(const Env*, const void* model, size_t bytes, const SessionOptions*, Session**)>
      CreateSessionFromArray{table};
  Entry<30, Status*(const Session*, size_t*)> SessionGetInputCount{table};
  Entry<31, Status*(const Session*, size_t*)> SessionGetOutputCount{table};
  Entry<33, Status*(const Session*, size_t index, TypeInfo**)> SessionGetInputTypeInfo{table};
  Entry<34, Status*(const Session*, size_t index, TypeInfo**)> SessionGetOutputTypeInfo{table};
  Entry<36, Status*(const Session*, size_t index, Allocator*, char**)> SessionGetInputName{table};
  Entry<37, Status*(const Session*, size_t index, Allocator*, char**)> SessionGetOutputName{table};
  Entry<95, void(Session*)> ReleaseSession{table};

  Entry<55, Status*(const TypeInfo*, const TensorTypeInfo**)> CastTypeInfoToTensorInfo{table};
  Entry<60, Status*(const TensorTypeInfo*, int* type)> GetTensorElementType{table};
  Entry<61, Status*(const TensorTypeInfo*, size_t* rank)> GetDimensionsCount{table};
  Entry<62, Status*(const TensorTypeInfo*, int64_t* dimensions, size_t rank)> GetDimensions{table};
  Entry<98, void(TypeInfo*)> ReleaseTypeInfo{table};

  Entry<39, Status*(RunOptions**)> CreateRunOptions{table};
  Entry<46, Status*(RunOptions*)> RunOptionsSetTerminate{table};
  Entry<97, void(RunOptions*)> ReleaseRunOptions{table};
  Entry<9, Status*(Session*, const RunOptions*, const char* const* input_names, const Value* const* inputs,
                   size_t input_count, const char* const* output_names, size_t output_count, Value** outputs)>
      Run{table};

  Entry<69, Status*(int allocator, int memory, MemoryInfo**)> CreateCpuMemoryInfo{table};
  Entry<94, void(MemoryInfo*)> ReleaseMemoryInfo{table};
  Entry<49, Status*(const MemoryInfo*, void* data, size_t bytes, const int64_t* shape, size_t rank, int type, Value**)>
      CreateTensorWithDataAsOrtValue{table};
  Entry<96, void(Value*)> ReleaseValue{table};

  Entry<76, Status*(Allocator*, void*)> AllocatorFree{table};
  Entry<78, Status*(Allocator**)> GetAllocatorWithDefaultOptions{table};
};

// What the library's only export, OrtGetApiBase, returns.
struct ApiBase {
  const void* const*(ARC2FACE_ORT_CALL* GetApi)(uint32_t version);
  const char*(ARC2FACE_ORT_CALL* GetVersionString)();
};
using GetApiBase = const ApiBase*(ARC2FACE_ORT_CALL*)();

}  // namespace arc2face::ort
