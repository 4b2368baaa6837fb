// The table of the ABI: each function forwards to its implementation, and never throws.
#include <cstring>

#include "build.h"
#include "engine.h"

namespace arc2face::engines {
namespace {

Arc2FaceStatus OpenLibraryOf(const Arc2FaceLibraryPaths* paths, Arc2FaceLog log, void* user, Arc2FaceLibrary** library,
                             Arc2FaceMessage* message) {
  return Guard(message, [&] { *library = &OpenLibrary(*paths, log, user); });
}

Arc2FaceVersion LibraryVersion(const Arc2FaceLibrary* library) { return library->version(); }

Arc2FaceStatus BuildEngine(Arc2FaceLibrary* library, const Arc2FaceBuildRequest* request, Arc2FaceMessage* message) {
  return Guard(message, [&] { Build(*library, *request); });
}

Arc2FaceStatus OpenEngine(Arc2FaceLibrary* library, const void* data, uint64_t bytes, Arc2FaceEngine** engine,
                          Arc2FaceMessage* message) {
  return Guard(message, [&] { *engine = new Arc2FaceEngine(*library, data, bytes); });
}

void CloseEngine(Arc2FaceEngine* engine) { delete engine; }

uint32_t TensorCount(const Arc2FaceEngine* engine) { return engine->tensor_count(); }

Arc2FaceStatus DescribeTensor(const Arc2FaceEngine* engine, uint32_t index, Arc2FaceTensorInfo* info,
                              Arc2FaceMessage* message) {
  return Guard(message, [&] { *info = engine->Describe(index); });
}

uint32_t ProfileCount(const Arc2FaceEngine* engine) { return engine->profile_count(); }

Arc2FaceStatus ProfileShape(const Arc2FaceEngine* engine, uint32_t profile, uint32_t index, Arc2FaceShape* shape,
                            Arc2FaceMessage* message) {
  return Guard(message, [&] { *shape = engine->ProfileShape(profile, index); });
}

using WriteFunction = int32_t (*)(void* user, const void* data, uint64_t bytes);

void Write(WriteFunction write, void* user, const void* data, size_t bytes) {
  if (write(user, data, bytes) != 0) throw Failure(ARC2FACE_CANCELLED, "Writing was cancelled.");
}

Arc2FaceStatus Inspect(const Arc2FaceEngine* engine, WriteFunction write, void* user, Arc2FaceMessage* message) {
  return Guard(message, [&] {
    const std::string text = engine->Inspect();
    Write(write, user, text.data(), text.size());
  });
}

Arc2FaceStatus MakeContext(Arc2FaceEngine* engine, uint32_t profile, void* stream, Arc2FaceContext** context,
                           Arc2FaceMessage* message) {
  return Guard(message, [&] { *context = new Arc2FaceContext(*engine, profile, stream); });
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

Arc2FaceStatus LoadCompiled(Arc2FaceEngine* engine, const void* data, uint64_t bytes, Arc2FaceMessage* message) {
  return Guard(message, [&] {
    if (engine->LoadCompiled(data, bytes)) return;
    throw Failure(ARC2FACE_INVALID_ENGINE, "What was compiled before is for another driver, GPU or version.");
  });
}

Arc2FaceStatus SaveCompiled(Arc2FaceEngine* engine, WriteFunction write, void* user, Arc2FaceMessage* message) {
  return Guard(message, [&] {
    const auto compiled = engine->SaveCompiled();
    if (compiled != nullptr) Write(write, user, compiled->data(), compiled->size());
  });
}

constexpr Arc2FaceEngineApi kApi{
    .abi_version = ARC2FACE_ENGINE_ABI_VERSION,
    .bytes = sizeof(Arc2FaceEngineApi),
    .product = kProduct,
    .host_memory = 0,
    .OpenLibrary = OpenLibraryOf,
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
}  // namespace arc2face::engines

extern "C" ARC2FACE_EXPORT const Arc2FaceEngineApi* Arc2FaceGetEngineApi(uint32_t abi_version) {
  return abi_version == ARC2FACE_ENGINE_ABI_VERSION ? &arc2face::engines::kApi : nullptr;
}
