// The stand-in's table: does what NVIDIA's libraries do in a provider library. For tests of everything
// around engines, on machines where no TensorRT can run.
#include <cstring>

#include "build.h"
#include "engine.h"
#include "place.h"
#include "provider/tensorrt/library/status.h"

struct Arc2FaceLibrary {};

namespace arc2face::stand_in {
namespace {

using engines::Failure;
using engines::Guard;

Arc2FaceStatus OpenLibrary(const Arc2FaceLibraryPaths*, Arc2FaceLog, void*, Arc2FaceLibrary** library,
                           Arc2FaceMessage*) {
  static Arc2FaceLibrary only;
  *library = &only;
  return ARC2FACE_OK;
}

Arc2FaceVersion LibraryVersion(const Arc2FaceLibrary*) { return {.major = 1, .minor = 2, .patch = 3, .build = 4}; }

Arc2FaceStatus BuildEngine(Arc2FaceLibrary*, const Arc2FaceBuildRequest* request, Arc2FaceMessage* message) {
  return Guard(message, [&] { Build(*request); });
}

Arc2FaceStatus OpenEngine(Arc2FaceLibrary*, const void* data, uint64_t bytes, Arc2FaceEngine** engine,
                          Arc2FaceMessage* message) {
  return Guard(message, [&] {
    *engine = new Arc2FaceEngine{ReadEngineFile({static_cast<const std::byte*>(data), static_cast<size_t>(bytes)})};
  });
}

void CloseEngine(Arc2FaceEngine* engine) { delete engine; }

uint32_t TensorCount(const Arc2FaceEngine* engine) { return static_cast<uint32_t>(engine->file.tensors.size()); }

const EngineTensor& TensorOf(const Arc2FaceEngine* engine, uint32_t index) {
  if (index < engine->file.tensors.size()) return engine->file.tensors[index];
  throw Failure(ARC2FACE_INVALID_ARGUMENT, "There is no such tensor.");
}

Arc2FaceStatus DescribeTensor(const Arc2FaceEngine* engine, uint32_t index, Arc2FaceTensorInfo* info,
                              Arc2FaceMessage* message) {
  return Guard(message, [&] {
    const EngineTensor& tensor = TensorOf(engine, index);
    *info = {
        .name = tensor.name.c_str(), .is_input = tensor.is_input ? 1 : 0, .type = tensor.type, .shape = tensor.shape};
  });
}

uint32_t ProfileCount(const Arc2FaceEngine* engine) { return engine->file.profiles; }

Arc2FaceStatus ProfileShape(const Arc2FaceEngine* engine, uint32_t profile, uint32_t index, Arc2FaceShape* shape,
                            Arc2FaceMessage* message) {
  return Guard(message, [&] {
    const EngineTensor& tensor = TensorOf(engine, index);
    if (profile >= tensor.profiles.size()) throw Failure(ARC2FACE_INVALID_ARGUMENT, "There is no such profile.");
    *shape = tensor.profiles[profile];
  });
}

using WriteFunction = int32_t (*)(void* user, const void* data, uint64_t bytes);

Arc2FaceStatus WriteText(const char* text, WriteFunction write, void* user, Arc2FaceMessage* message) {
  return Guard(message, [&] {
    if (write(user, text, std::strlen(text)) != 0) throw Failure(ARC2FACE_CANCELLED, "Writing was cancelled.");
  });
}

Arc2FaceStatus Inspect(const Arc2FaceEngine*, WriteFunction write, void* user, Arc2FaceMessage* message) {
  return WriteText(R"({"Layers":["stand-in"]})", write, user, message);
}

Arc2FaceStatus MakeContext(Arc2FaceEngine* engine, uint32_t profile, void*, Arc2FaceContext** context,
                           Arc2FaceMessage* message) {
  return Guard(message, [&] { *context = new Arc2FaceContext(*engine, profile); });
}

void CloseContext(Arc2FaceContext* context) { delete context; }

Arc2FaceStatus ContextBytes(Arc2FaceContext* context, uint64_t* bytes, Arc2FaceMessage* message) {
  return Guard(message, [&] { *bytes = context->bytes(); });
}

Arc2FaceStatus SetMemory(Arc2FaceContext* context, void* memory, uint64_t bytes, Arc2FaceMessage* message) {
  return Guard(message, [&] { context->SetMemory(memory, bytes); });
}

Arc2FaceStatus SetAddress(Arc2FaceContext* context, uint32_t index, void* address, Arc2FaceMessage* message) {
  return Guard(message, [&] { context->SetAddress(index, address); });
}

Arc2FaceStatus TensorShape(const Arc2FaceContext* context, uint32_t index, Arc2FaceShape* shape,
                           Arc2FaceMessage* message) {
  return Guard(message, [&] { *shape = context->TensorShape(index); });
}

Arc2FaceStatus Enqueue(Arc2FaceContext* context, void* stream, Arc2FaceMessage* message) {
  return Guard(message, [&] { context->Enqueue(stream); });
}

constexpr char kCompiled[] = "compiled by the stand-in";

Arc2FaceStatus LoadCompiled(Arc2FaceEngine*, const void* data, uint64_t bytes, Arc2FaceMessage* message) {
  return Guard(message, [&] {
    if (bytes == std::strlen(kCompiled) && std::memcmp(data, kCompiled, bytes) == 0) return;
    throw Failure(ARC2FACE_INVALID_ENGINE, "The stand-in did not compile this.");
  });
}

Arc2FaceStatus SaveCompiled(Arc2FaceEngine*, WriteFunction write, void* user, Arc2FaceMessage* message) {
  return WriteText(kCompiled, write, user, message);
}

const Arc2FaceEngineApi kApi{
    .abi_version = ARC2FACE_ENGINE_ABI_VERSION,
    .bytes = sizeof(Arc2FaceEngineApi),
    .product = "stand-in",
    .host_memory = ComputesInHostMemory(),
    .OpenLibrary = OpenLibrary,
    .LibraryVersion = LibraryVersion,
    .Build = BuildEngine,
    .OpenEngine = OpenEngine,
    .CloseEngine = CloseEngine,
    .TensorCount = TensorCount,
    .DescribeTensor = DescribeTensor,
    .ProfileCount = ProfileCount,
    .ProfileShape = ProfileShape,
    .Inspect = Inspect,
    .MakeContext = MakeContext,
    .CloseContext = CloseContext,
    .ContextBytes = ContextBytes,
    .SetMemory = SetMemory,
    .SetAddress = SetAddress,
    .TensorShape = TensorShape,
    .Enqueue = Enqueue,
    .LoadCompiled = LoadCompiled,
    .SaveCompiled = SaveCompiled,
};

}  // namespace
}  // namespace arc2face::stand_in

extern "C" ARC2FACE_EXPORT const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version) {
  return abi_version == ARC2FACE_ENGINE_ABI_VERSION ? &arc2face::stand_in::kApi : nullptr;
}
