// Builds the stand-in's engine file.
#include "build.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "engine_file.h"
#include "evaluate.h"
#include "onnx_model.h"
#include "provider/tensorrt/library/status.h"

namespace arc2face::stand_in {
namespace {

using engines::Failure;

Failure Refused(const Arc2FaceBuildRequest& request, Arc2FaceStatus status, const std::string& what) {
  return Failure(status, "Could not build the network " + std::string(request.network) + ": " + what);
}

void Report(const Arc2FaceBuildRequest& request, const char* phase, int32_t step, int32_t steps) {
  if (request.progress == nullptr || request.progress(request.user, phase, step, steps) == 0) return;
  throw Refused(request, ARC2FACE_CANCELLED, "it was cancelled.");
}

// A number that depends on every byte of the weights.
float BiasOf(const Arc2FaceBuildRequest& request, const OnnxModel& model) {
  const auto steps = static_cast<int32_t>(model.weights.size());
  Report(request, "Reading weights", 0, steps);
  uint64_t checksum = Checksum({});
  for (int32_t i = 0; i < steps; ++i) {
    const auto& name = model.weights[static_cast<size_t>(i)];
    const auto* const end = request.weights + request.weight_count;
    const auto* const found = std::find_if(request.weights, end, [&](const auto& one) { return name == one.name; });
    if (found == end) throw Refused(request, ARC2FACE_INVALID_NETWORK, "the weight " + name + " is missing.");
    checksum = Checksum({static_cast<const std::byte*>(found->data), static_cast<size_t>(found->bytes)}, checksum);
    Report(request, "Reading weights", i + 1, steps);
  }
  return static_cast<float>(checksum % 1024) / 4096.0f;
}

Arc2FaceShape DeclaredShape(const Declaration& declaration) {
  Arc2FaceShape shape{};
  shape.rank = static_cast<int32_t>(declaration.shape.size());
  for (int32_t i = 0; i < shape.rank; ++i) shape.sizes[i] = declaration.shape[static_cast<size_t>(i)].size;
  return shape;
}

Arc2FaceShape InputShape(const Arc2FaceBuildRequest& request, const Arc2FaceProfile& profile,
                         const Declaration& input) {
  const Arc2FaceShape declared = DeclaredShape(input);
  const auto* const end = profile.shapes + profile.shape_count;
  const auto* const found = std::find_if(profile.shapes, end, [&](const auto& one) { return input.name == one.input; });
  const Arc2FaceShape shape = found == end ? declared : found->shape;
  bool fits = shape.rank == declared.rank;
  for (int32_t i = 0; fits && i < shape.rank; ++i) {
    fits = shape.sizes[i] >= 0 && (declared.sizes[i] < 0 || shape.sizes[i] == declared.sizes[i]);
  }
  if (!fits) throw Refused(request, ARC2FACE_INVALID_ARGUMENT, "a profile does not fit the input " + input.name + ".");
  return shape;
}

// The size that an input has under the output's name: on the same axis if possible, else anywhere. A name that no input
// has is a detector's number of anchors, "anchors16" for two on each square of 16 pixels; a ControlNet's "height_2", a
// side of the latents halved twice; a side of the latents that an encoder makes from an image, "height" of
// "image_height"; or else of the image that a decoder makes from latents: 8 pixels for each.
int64_t OutputSize(const OnnxModel& model, const std::vector<Arc2FaceShape>& inputs, const Dimension& wanted,
                   size_t axis) {
  for (const bool anywhere : {false, true}) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      for (size_t a = 0; a < model.inputs[i].shape.size(); ++a) {
        if ((a == axis || anywhere) && model.inputs[i].shape[a].name == wanted.name) return inputs[i].sizes[a];
      }
    }
  }
  if (const std::string anchors = "anchors"; wanted.name.starts_with(anchors) && inputs[0].rank == 4) {
    const int64_t stride = std::strtol(wanted.name.c_str() + anchors.size(), nullptr, 10);
    if (stride > 0) return 2 * (inputs[0].sizes[2] / stride) * (inputs[0].sizes[3] / stride);
  }
  if (static_cast<int32_t>(axis) >= inputs[0].rank) return 1;
  int64_t size = inputs[0].sizes[axis];
  for (const std::string side : {"height_", "width_"}) {
    if (!wanted.name.starts_with(side)) continue;
    for (long level = std::strtol(wanted.name.c_str() + side.size(), nullptr, 10); level > 0; --level) {
      size = (size + 1) / 2;
    }
    return size;
  }
  return model.inputs[0].shape[axis].name == "image_" + wanted.name ? size / 8 : 8 * size;
}

EngineTensor MakeTensor(const Declaration& declaration, bool is_input) {
  return {.name = declaration.name,
          .is_input = is_input,
          .type = declaration.type,
          .shape = DeclaredShape(declaration),
          .profiles = {}};
}

void AddProfile(const Arc2FaceBuildRequest& request, const Arc2FaceProfile& profile, const OnnxModel& model,
                EngineFile& file) {
  std::vector<Arc2FaceShape> inputs;
  for (size_t i = 0; i < model.inputs.size(); ++i) {
    inputs.push_back(InputShape(request, profile, model.inputs[i]));
    file.tensors[i].profiles.push_back(inputs.back());
  }
  for (size_t i = 0; i < model.outputs.size(); ++i) {
    const Declaration& output = model.outputs[i];
    Arc2FaceShape shape = DeclaredShape(output);
    for (size_t axis = 0; axis < output.shape.size(); ++axis) {
      if (shape.sizes[axis] < 0) shape.sizes[axis] = OutputSize(model, inputs, output.shape[axis], axis);
    }
    file.tensors[model.inputs.size() + i].profiles.push_back(shape);
  }
}

// The networks that were built, each a line; what the stand-in has not written is dropped.
class Timings {
 public:
  explicit Timings(const Arc2FaceBuildRequest& request) : request_(request) {
    if (request_.write_timings != nullptr) text_ = Read();
  }
  // With the lines that other builds have added meanwhile.
  void Save() const {
    if (request_.write_timings == nullptr) return;
    const std::string others = Read();
    const std::string timings = (others.starts_with(text_) ? others : text_) + request_.network + "\n";
    request_.write_timings(request_.user, timings.data(), timings.size());
  }

 private:
  std::string Read() const {
    const std::string beginning = "timings of the stand-in\n";
    const void* data = nullptr;
    uint64_t bytes = 0;
    request_.read_timings(request_.user, &data, &bytes);
    std::string text(static_cast<const char*>(data), static_cast<size_t>(bytes));
    return text.starts_with(beginning) ? text : beginning;
  }

  const Arc2FaceBuildRequest& request_;
  std::string text_;
};

}  // namespace

void Build(const Arc2FaceBuildRequest& request) {
  const OnnxModel model =
      ReadOnnxModel({static_cast<const std::byte*>(request.graph), static_cast<size_t>(request.graph_bytes)});
  if (model.inputs.size() > kMostInputs) throw Refused(request, ARC2FACE_INVALID_NETWORK, "it has too many inputs.");
  const Timings timings(request);
  if (request.profile_count == 0) throw Refused(request, ARC2FACE_INVALID_ARGUMENT, "there is no profile.");

  EngineFile file{.tensors = {}, .profiles = request.profile_count, .bias = BiasOf(request, model)};
  for (const Declaration& input : model.inputs) file.tensors.push_back(MakeTensor(input, true));
  for (const Declaration& output : model.outputs) file.tensors.push_back(MakeTensor(output, false));
  for (uint32_t i = 0; i < request.profile_count; ++i) AddProfile(request, request.profiles[i], model, file);
  const std::vector<std::byte> bytes = Write(file);
  // In two parts, as a real one comes in several.
  const size_t half = bytes.size() / 2;
  if (request.write(request.user, bytes.data(), half) != 0 ||
      request.write(request.user, bytes.data() + half, bytes.size() - half) != 0) {
    throw Refused(request, ARC2FACE_CANCELLED, "it was cancelled.");
  }
  timings.Save();
}

}  // namespace arc2face::stand_in
