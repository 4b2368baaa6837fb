/*
 * The C ABI between the core and a provider library, which runs networks as engines: one library each for
 * TensorRT 11, TensorRT 10 and TensorRT-RTX, because they have the same C++ names and different vtables, and a stand-in
 * for tests.
 *
 * Plain C: no exception and no C++ type crosses it, so that both sides may be compiled with anything. A library exports
 * one function, Arc2FaceGetEngineApi, and nothing else.
 *
 * Every function may be called from any thread; one context, and one engine while it makes contexts, from one thread at
 * a time. Functions that return a status give ARC2FACE_OK or the reason, and then write a sentence for people into
 * `message`, which may be null. Strings are UTF-8 and end with a zero.
 */
#ifndef ARC2FACE_PROVIDER_TENSORRT_ABI_H
#define ARC2FACE_PROVIDER_TENSORRT_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up with every change of this file: core and library must have the same. */
#define ARC2FACE_ENGINE_ABI_VERSION 3

typedef int32_t Arc2FaceStatus;
#define ARC2FACE_OK 0
#define ARC2FACE_CANCELLED 1        /* a callback of the caller said stop */
#define ARC2FACE_INVALID_ARGUMENT 2 /* the caller's own mistake: no such profile, too little memory */
#define ARC2FACE_INVALID_NETWORK 3  /* the graph can't be read, or a weight of it is refused; the message names it */
#define ARC2FACE_INVALID_ENGINE 4   /* no engine file of this library and its version, or one for another GPU */
#define ARC2FACE_NO_LIBRARY 5       /* NVIDIA's library is missing, no library of that product, or of another version */
#define ARC2FACE_OUT_OF_MEMORY 6    /* of the host or the GPU */
#define ARC2FACE_FAILED 7           /* anything else, in the runtime's words; it names a node that the parser refuses */

typedef struct Arc2FaceMessage {
  char text[2048];
} Arc2FaceMessage;

typedef int32_t Arc2FaceType;
#define ARC2FACE_FLOAT32 0
#define ARC2FACE_FLOAT16 1
#define ARC2FACE_BFLOAT16 2
#define ARC2FACE_INT64 3
#define ARC2FACE_INT32 4
#define ARC2FACE_INT8 5
#define ARC2FACE_UINT8 6
#define ARC2FACE_BOOL 7

#define ARC2FACE_MAX_RANK 8

typedef struct Arc2FaceShape {
  int32_t rank;
  int64_t sizes[ARC2FACE_MAX_RANK]; /* -1: any size */
} Arc2FaceShape;

typedef struct Arc2FaceVersion {
  int32_t major, minor, patch, build;
} Arc2FaceVersion;

/* Where NVIDIA's libraries are, as absolute paths. The library opens them once and never closes them. */
typedef struct Arc2FaceLibraryPaths {
  const char* core;   /* libnvinfer.so.11, libnvinfer.so.10, libtensorrt_rtx.so.1 */
  const char* parser; /* libnvonnxparser.so.11, libtensorrt_onnxparser_rtx.so.1; null: engines can't be built */
} Arc2FaceLibraryPaths;

typedef int32_t Arc2FaceSeverity;
#define ARC2FACE_LOG_ERROR 0
#define ARC2FACE_LOG_WARNING 1
#define ARC2FACE_LOG_INFO 2
#define ARC2FACE_LOG_VERBOSE 3 /* also each layer of an engine that is built */

/* Called from any thread, also from several at once, as long as the process lives. */
typedef void (*Arc2FaceLog)(void* user, Arc2FaceSeverity severity, const char* text);

/* An initializer that the graph declares as external. */
typedef struct Arc2FaceWeight {
  const char* name;
  const void* data; /* read until Build returns */
  uint64_t bytes;
} Arc2FaceWeight;

typedef struct Arc2FaceInputShape {
  const char* input;
  Arc2FaceShape shape; /* no size is -1 */
} Arc2FaceInputShape;

/* A combination of input shapes that the engine will be run with. Inputs of fixed shape may be left out. */
typedef struct Arc2FaceProfile {
  const Arc2FaceInputShape* shapes;
  uint32_t shape_count;
} Arc2FaceProfile;

typedef struct Arc2FaceBuildRequest {
  const char* network; /* its name, for messages and logs */
  const void* graph;   /* ONNX ModelProto */
  uint64_t graph_bytes;
  const Arc2FaceWeight* weights;
  uint64_t weight_count;
  const Arc2FaceProfile* profiles; /* at least one; contexts are made by their index */
  uint32_t profile_count;
  /* The GPUs that the engine is for: 89 stands for compute capability 8.9. None: the current GPU, which then must be
     there. TensorRT takes none, because it builds on the GPU that it builds for. */
  const int32_t* capabilities;
  uint32_t capability_count;
  int32_t inspectable; /* 1: Inspect and the log tell about each layer; engines are a little larger */

  /* Called when a phase begins (`step` 0) and after each of its steps (1 to `steps`), from several threads perhaps.
     Anything but 0 stops the build, which then returns ARC2FACE_CANCELLED. May be null. */
  int32_t (*progress)(void* user, const char* phase, int32_t step, int32_t steps);
  /* Receives the engine file, in order. Anything but 0 stops the build with ARC2FACE_CANCELLED. */
  int32_t (*write)(void* user, const void* data, uint64_t bytes);

  /* Gives what builds by this library's version have timed on this GPU, which makes this one faster; what is of no use
     is ignored. `bytes` 0: nothing yet. Valid until the next such call or the end of the build. Called when the build
     begins and before write_timings, since other processes may build meanwhile. TensorRT-RTX, which times nothing,
     calls neither. */
  void (*read_timings)(void* user, const void** data, uint64_t* bytes);
  /* Receives those and the timings of this build, after the engine file, in one piece. Both may be null. */
  void (*write_timings)(void* user, const void* data, uint64_t bytes);
  void* user;
} Arc2FaceBuildRequest;

typedef struct Arc2FaceTensorInfo {
  const char* name; /* lives as long as the engine */
  int32_t is_input;
  Arc2FaceType type;
  Arc2FaceShape shape;
} Arc2FaceTensorInfo;

/* An opened pair of NVIDIA's libraries; one for each pair of paths in a process. There is no closing. */
typedef struct Arc2FaceLibrary Arc2FaceLibrary;
/* A deserialised engine file: the weights, in GPU memory, once for all contexts. */
typedef struct Arc2FaceEngine Arc2FaceEngine;
/* The state of one execution with the shapes of one profile. */
typedef struct Arc2FaceContext Arc2FaceContext;

typedef struct Arc2FaceEngineApi {
  uint32_t abi_version; /* ARC2FACE_ENGINE_ABI_VERSION */
  uint32_t bytes;       /* of this structure */
  const char* product;  /* "TensorRT", "TensorRT-RTX" */
  int32_t host_memory;  /* 1: addresses are host memory and streams are ignored (only the stand-in) */

  /* Opens NVIDIA's libraries and checks that their version fits the headers' before it calls anything else in them. The
     first call for a pair of paths decides about `log`, which may be null; later ones return the same library. */
  Arc2FaceStatus (*OpenLibrary)(const Arc2FaceLibraryPaths* paths, Arc2FaceLog log, void* user,
                                Arc2FaceLibrary** library, Arc2FaceMessage* message);
  Arc2FaceVersion (*LibraryVersion)(const Arc2FaceLibrary* library);

  /* Takes from seconds to minutes. */
  Arc2FaceStatus (*Build)(Arc2FaceLibrary* library, const Arc2FaceBuildRequest* request, Arc2FaceMessage* message);

  /* `bytes` are an engine file that Build wrote; they are not needed any more when this returns. Needs a GPU. */
  Arc2FaceStatus (*OpenEngine)(Arc2FaceLibrary* library, const void* data, uint64_t bytes, Arc2FaceEngine** engine,
                               Arc2FaceMessage* message);
  void (*CloseEngine)(Arc2FaceEngine* engine); /* after its contexts; null is allowed */

  uint32_t (*TensorCount)(const Arc2FaceEngine* engine);
  /* `index` below TensorCount; the same order in every process. */
  Arc2FaceStatus (*DescribeTensor)(const Arc2FaceEngine* engine, uint32_t index, Arc2FaceTensorInfo* info,
                                   Arc2FaceMessage* message);
  uint32_t (*ProfileCount)(const Arc2FaceEngine* engine);
  /* The shape of the input `index` in the profile. */
  Arc2FaceStatus (*ProfileShape)(const Arc2FaceEngine* engine, uint32_t profile, uint32_t index, Arc2FaceShape* shape,
                                 Arc2FaceMessage* message);
  /* Writes a JSON text about the engine's layers, as the runtime has it. */
  Arc2FaceStatus (*Inspect)(const Arc2FaceEngine* engine,
                            int32_t (*write)(void* user, const void* data, uint64_t bytes), void* user,
                            Arc2FaceMessage* message);

  /* A context for one profile, with all input shapes set, and without memory. `stream` is a cudaStream_t; work that the
     context needs to begin with is queued on it, and it must not be capturing. */
  Arc2FaceStatus (*MakeContext)(Arc2FaceEngine* engine, uint32_t profile, void* stream, Arc2FaceContext** context,
                                Arc2FaceMessage* message);
  void (*CloseContext)(Arc2FaceContext* context); /* after its work has ended; null is allowed */

  /* The memory that the context needs while it runs. */
  Arc2FaceStatus (*ContextBytes)(Arc2FaceContext* context, uint64_t* bytes, Arc2FaceMessage* message);
  /* Lends device memory, aligned to 256 bytes, at least ContextBytes. Contexts that never run at the same time may
     share it: nothing in it outlives a run. A graph that was captured keeps the address. */
  Arc2FaceStatus (*SetMemory)(Arc2FaceContext* context, void* memory, uint64_t bytes, Arc2FaceMessage* message);
  /* Where the tensor `index` lies in device memory, aligned to 256 bytes. Stays until it is set again; a graph that was
     captured keeps the address. */
  Arc2FaceStatus (*SetAddress)(Arc2FaceContext* context, uint32_t index, void* address, Arc2FaceMessage* message);
  /* The shape that the tensor `index` has in this context. */
  Arc2FaceStatus (*TensorShape)(const Arc2FaceContext* context, uint32_t index, Arc2FaceShape* shape,
                                Arc2FaceMessage* message);
  /* Queues one evaluation on `stream`, a cudaStream_t, which may be capturing once the context has run on it before. */
  Arc2FaceStatus (*Enqueue)(Arc2FaceContext* context, void* stream, Arc2FaceMessage* message);

  /* What the engine compiled for this GPU while it ran, to be saved beside the engine file and given back to the same
     engine, before its first context, in another process. TensorRT has nothing of the kind: SaveCompiled writes
     nothing, and LoadCompiled does nothing. LoadCompiled returns ARC2FACE_INVALID_ENGINE for what another driver, GPU
     or version has made; the engine then compiles again. */
  Arc2FaceStatus (*LoadCompiled)(Arc2FaceEngine* engine, const void* data, uint64_t bytes, Arc2FaceMessage* message);
  Arc2FaceStatus (*SaveCompiled)(Arc2FaceEngine* engine, int32_t (*write)(void* user, const void* data, uint64_t bytes),
                                 void* user, Arc2FaceMessage* message);
} Arc2FaceEngineApi;

#ifdef _WIN32
#define ARC2FACE_EXPORT __declspec(dllexport)
#else
#define ARC2FACE_EXPORT __attribute__((visibility("default")))
#endif

/* The table, which lives as long as the process; null when the library has another version of this ABI. */
typedef const Arc2FaceEngineApi* (*Arc2FaceGetEngineApiFunction)(uint32_t abi_version);
#define ARC2FACE_GET_ENGINE_API "Arc2FaceGetEngineApi"

#ifdef __cplusplus
}
#endif

#endif
