// NVIDIA's engines and their contexts.
#include "engine.h"

#include "shapes.h"

using arc2face::engines::Failure;
using arc2face::engines::ToShape;
using Listening = arc2face::engines::Logger::Listening;

Arc2FaceEngine::Arc2FaceEngine(Arc2FaceLibrary& library, const void* data, uint64_t bytes)
    : runtime_(library.MakeRuntime()) {
  const Listening listening(errors_);
  runtime_->setErrorRecorder(&errors_);
#ifdef TRT_MAJOR_RTX
  uint64_t diagnostics = 0;
  if (runtime_->getEngineValidity(data, static_cast<int64_t>(bytes), &diagnostics) ==
      nvinfer1::EngineValidity::kINVALID) {
    errors_.Throw(ARC2FACE_INVALID_ENGINE,
                  "The engine can't run here (diagnostics " + std::to_string(diagnostics) + ")");
  }
#endif
  engine_.reset(runtime_->deserializeCudaEngine(data, bytes));
  if (engine_ == nullptr) errors_.Throw(ARC2FACE_INVALID_ENGINE, "The engine can't be read");
  engine_->setErrorRecorder(&errors_);
  for (int32_t i = 0; i < engine_->getNbIOTensors(); ++i) names_.push_back(engine_->getIOTensorName(i));

#ifdef TRT_MAJOR_RTX
  config_.reset(engine_->createRuntimeConfig());
  if (config_ == nullptr) errors_.Throw(ARC2FACE_FAILED, "The engine can't be configured");
  config_->setExecutionContextAllocationStrategy(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED);
  // We capture graphs ourselves. A graph keeps the kernels that it was captured with, so those for the profile's shapes
  // must exist from the first run on, not when the background compiler is ready.
  const bool configured = config_->setCudaGraphStrategy(nvinfer1::CudaGraphStrategy::kDISABLED);
  config_->setDynamicShapesKernelSpecializationStrategy(nvinfer1::DynamicShapesKernelSpecializationStrategy::kEAGER);
  compiled_.reset(config_->createRuntimeCache());
  if (!configured || compiled_ == nullptr) {
    errors_.Throw(ARC2FACE_FAILED, "The engine can't be configured");
  }
#endif
}

const char* Arc2FaceEngine::name(uint32_t tensor) const {
  if (tensor < names_.size()) return names_[tensor];
  throw Failure(ARC2FACE_INVALID_ARGUMENT, "Expected a tensor below " + std::to_string(names_.size()) +
                                               " but received " + std::to_string(tensor) + ".");
}

bool Arc2FaceEngine::is_input(uint32_t tensor) const {
  return engine_->getTensorIOMode(name(tensor)) == nvinfer1::TensorIOMode::kINPUT;
}

Arc2FaceTensorInfo Arc2FaceEngine::Describe(uint32_t tensor) const {
  const char* const its_name = name(tensor);
  const auto type = arc2face::engines::ToType(engine_->getTensorDataType(its_name));
  if (!type) {
    throw Failure(ARC2FACE_INVALID_ENGINE, std::string("The tensor ") + its_name + " is of a type without use here.");
  }
  return {.name = its_name,
          .is_input = is_input(tensor) ? 1 : 0,
          .type = *type,
          .shape = ToShape(engine_->getTensorShape(its_name))};
}

Arc2FaceShape Arc2FaceEngine::ProfileShape(uint32_t profile, uint32_t input) const {
  if (profile >= profile_count()) {
    throw Failure(ARC2FACE_INVALID_ARGUMENT, "Expected a profile below " + std::to_string(profile_count()) +
                                                 " but received " + std::to_string(profile) + ".");
  }
  if (!is_input(input)) {
    throw Failure(ARC2FACE_INVALID_ARGUMENT, std::string("The tensor ") + name(input) + " is no input.");
  }
  return ToShape(
      engine_->getProfileShape(name(input), static_cast<int32_t>(profile), nvinfer1::OptProfileSelector::kOPT));
}

std::string Arc2FaceEngine::Inspect() const {
  const Listening listening(errors_);
  const std::unique_ptr<nvinfer1::IEngineInspector> inspector(engine_->createEngineInspector());
  const char* const text =
      inspector == nullptr ? nullptr : inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON);
  if (text == nullptr) errors_.Throw(ARC2FACE_FAILED, "The engine can't be inspected");
  return text;
}

bool Arc2FaceEngine::LoadCompiled([[maybe_unused]] const void* data, [[maybe_unused]] uint64_t bytes) {
#ifdef TRT_MAJOR_RTX
  return compiled_->deserialize(data, bytes);
#else
  return true;
#endif
}

std::unique_ptr<nvinfer1::IHostMemory> Arc2FaceEngine::SaveCompiled() const {
#ifdef TRT_MAJOR_RTX
  return std::unique_ptr<nvinfer1::IHostMemory>(compiled_->serialize());
#else
  return nullptr;
#endif
}

std::unique_ptr<nvinfer1::IExecutionContext> Arc2FaceEngine::MakeContext() {
  const Listening listening(errors_);
#ifdef TRT_MAJOR_RTX
  // Only now: it is not documented whether data read into the cache later is used.
  if (!config_->setRuntimeCache(*compiled_)) errors_.Throw(ARC2FACE_FAILED, "The engine can't be configured");
  std::unique_ptr<nvinfer1::IExecutionContext> context(engine_->createExecutionContext(config_.get()));
#else
  // Not by a configuration, which TensorRT has only since 10.11, for no other purpose than this.
  std::unique_ptr<nvinfer1::IExecutionContext> context(
      engine_->createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
#endif
  if (context == nullptr) errors_.Throw(ARC2FACE_FAILED, "Could not make a context");
  return context;
}

Arc2FaceContext::Arc2FaceContext(Arc2FaceEngine& engine, uint32_t profile, void* stream)
    : engine_(engine), context_(engine.MakeContext()) {
  const Listening listening(errors_);
  context_->setErrorRecorder(&errors_);
  const std::string what = "Could not choose the profile " + std::to_string(profile);
  if (profile >= engine.profile_count()) {
    throw Failure(ARC2FACE_INVALID_ARGUMENT, what + " of " + std::to_string(engine.profile_count()) + ".");
  }
  if (!context_->setOptimizationProfileAsync(static_cast<int32_t>(profile), static_cast<cudaStream_t>(stream))) {
    errors_.Throw(ARC2FACE_FAILED, what);
  }
  for (uint32_t i = 0; i < engine.tensor_count(); ++i) {
    if (!engine.is_input(i)) continue;
    const Arc2FaceShape shape = engine.ProfileShape(profile, i);
    if (!context_->setInputShape(engine.name(i), arc2face::engines::ToDims(shape))) {
      errors_.Throw(ARC2FACE_FAILED, what + ", for the input " + engine.name(i));
    }
  }
  bytes_ = context_->updateDeviceMemorySizeForShapes();
  if (bytes_ == 0 && errors_.told()) errors_.Throw(ARC2FACE_FAILED, what);
}

void Arc2FaceContext::SetMemory(void* memory, uint64_t bytes) {
  if (bytes < bytes_) {
    throw Failure(ARC2FACE_INVALID_ARGUMENT, "Expected at least " + std::to_string(bytes_) +
                                                 " bytes for a context but received " + std::to_string(bytes) + ".");
  }
  context_->setDeviceMemoryV2(memory, static_cast<int64_t>(bytes));
}

void Arc2FaceContext::SetAddress(uint32_t tensor, void* address) {
  const Listening listening(errors_);
  if (context_->setTensorAddress(engine_.name(tensor), address)) return;
  errors_.Throw(ARC2FACE_FAILED, std::string("Could not set the address of the tensor ") + engine_.name(tensor));
}

Arc2FaceShape Arc2FaceContext::TensorShape(uint32_t tensor) const {
  return ToShape(context_->getTensorShape(engine_.name(tensor)));
}

void Arc2FaceContext::Enqueue(void* stream) {
  const Listening listening(errors_);
  // While a stream is capturing this may fail without any CUDA error.
  if (!context_->enqueueV3(static_cast<cudaStream_t>(stream)))
    errors_.Throw(ARC2FACE_FAILED, "Could not run the engine");
}
