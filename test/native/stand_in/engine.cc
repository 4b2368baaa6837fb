// The stand-in's engines and contexts.
#include "engine.h"

#include <algorithm>

#include "place.h"
#include "provider/tensorrt/library/status.h"

using arc2face::engines::Failure;
using arc2face::stand_in::EngineTensor;

// A missing axis counts as size 1.
static int64_t Rows(const Arc2FaceShape& shape) { return shape.rank == 0 ? 1 : shape.sizes[0]; }
static int64_t ElementsOfRow(const Arc2FaceShape& shape) {
  int64_t elements = 1;
  for (int32_t i = 1; i < shape.rank; ++i) elements *= shape.sizes[i];
  return elements;
}

Arc2FaceContext::Arc2FaceContext(const Arc2FaceEngine& engine, uint32_t profile)
    : file_(engine.file), profile_(profile), addresses_(file_.tensors.size(), nullptr) {
  if (profile >= file_.profiles) throw Failure(ARC2FACE_INVALID_ARGUMENT, "There is no such profile.");
}

Arc2FaceShape Arc2FaceContext::TensorShape(uint32_t tensor) const {
  if (tensor >= addresses_.size()) throw Failure(ARC2FACE_INVALID_ARGUMENT, "There is no such tensor.");
  return file_.tensors[tensor].profiles[profile_];
}

// Outputs are made one after another, through the same memory.
uint64_t Arc2FaceContext::bytes() const noexcept {
  int64_t most = 0;
  for (const EngineTensor& tensor : file_.tensors) {
    const Arc2FaceShape& shape = tensor.profiles[profile_];
    if (!tensor.is_input) most = std::max(most, Rows(shape) * ElementsOfRow(shape));
  }
  return static_cast<uint64_t>(most) * sizeof(float);
}

void Arc2FaceContext::SetMemory(void* memory, uint64_t bytes) {
  if (bytes < this->bytes()) throw Failure(ARC2FACE_INVALID_ARGUMENT, "The memory of a context is too small.");
  memory_ = memory;
}

void Arc2FaceContext::SetAddress(uint32_t tensor, void* address) {
  if (tensor >= addresses_.size()) throw Failure(ARC2FACE_INVALID_ARGUMENT, "There is no such tensor.");
  addresses_[tensor] = address;
}

void Arc2FaceContext::Enqueue(void* stream) {
  if (memory_ == nullptr) throw Failure(ARC2FACE_FAILED, "The context has no memory.");
  arc2face::stand_in::Inputs inputs{};
  inputs.bias = file_.bias;
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const EngineTensor& tensor = file_.tensors[i];
    if (addresses_[i] == nullptr) throw Failure(ARC2FACE_FAILED, "The tensor " + tensor.name + " has no address.");
    if (!tensor.is_input) continue;
    const Arc2FaceShape& shape = tensor.profiles[profile_];
    inputs.inputs[inputs.count++] = {
        .data = addresses_[i], .type = tensor.type, .rows = Rows(shape), .elements = ElementsOfRow(shape)};
  }
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const EngineTensor& tensor = file_.tensors[i];
    if (tensor.is_input) continue;
    const Arc2FaceShape& shape = tensor.profiles[profile_];
    arc2face::stand_in::Evaluate(inputs, Rows(shape), ElementsOfRow(shape), static_cast<float*>(memory_), tensor.type,
                                 addresses_[i], stream);
  }
}
