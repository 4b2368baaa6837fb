// One batch of the UNet, and what happens around it in a step.
#pragma once

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "operations/diffusion/step.h"
#include "pipeline/evaluate.h"
#include "tensors.h"

namespace arc2face::bench {

// A plan that leaves latents where they are, so that no number of steps makes them grow.
inline std::vector<PlanStep> EvenPlan(size_t steps) {
  PlanStep step{};
  step.timestep = 500;
  step.input_scale = 1;
  step.assignment_count = 1;
  step.assignments[0] = {kLatents, {0.999f, 0.001f, 0, 0, 0, 0, 0, 0}};
  return std::vector<PlanStep>(steps, step);
}

// One batch of the UNet with guidance: two rows for each image.
class Batch {
 public:
  Batch(Device& gpu, Stream& stream, Network& unet, const InputShapes& shapes, size_t steps)
      : stream_(stream),
        unet_(unet),
        sample_(Random(gpu, stream, InputInfo(unet, kName, "sample"), Shape(shapes, "sample"))),
        timesteps_(gpu, stream, InputInfo(unet, kName, "timestep"), Shape(shapes, "timestep"),
                   std::vector<float>(static_cast<size_t>(rows()), 500.0f)),
        conditioning_(Random(gpu, stream, InputInfo(unet, kName, "encoder_hidden_states"),
                             Shape(shapes, "encoder_hidden_states"))),
        eps_(Random(gpu, stream, OutputInfo(unet, kName, "eps"), sample_.shape())),
        plan_(gpu, steps),
        registers_(gpu, kRegisters * elements() * slots()),
        table_(gpu, slots()) {
    const std::vector<PlanStep> plan = EvenPlan(steps);
    stream.Upload(plan_.data(), plan.data(), plan_.bytes());
    const std::vector<float> numbers = testing::RandomNumbers<float>(registers_.size(), 2);
    stream.Upload(registers_.data(), numbers.data(), registers_.bytes());
    stream.Synchronize();
    Rewind();
  }

  int64_t rows() const { return sample_.shape()[0]; }

  void Evaluate() {
    arc2face::Evaluate(unet_,
                       {{"sample", sample_.tensor()},
                        {"timestep", timesteps_.tensor()},
                        {"encoder_hidden_states", conditioning_.tensor()}},
                       {{"eps", eps_.tensor()}}, stream_, interrupt_);
  }
  void Step() {
    GatherRows(stream_, table_.data(), slots(), elements(), sample_.floats(),
               static_cast<float*>(timesteps_.tensor().data));
    Evaluate();
    ApplyStep(stream_, table_.data(), slots(), elements(), eps_.const_floats());
  }
  void Replay() {
    stream_.Replay(reinterpret_cast<uintptr_t>(this), [this] { Step(); });
  }
  // Back to the first step of the plan.
  void Rewind() {
    std::vector<BatchSlot> slots;
    for (uint32_t s = 0; s < this->slots(); ++s) {
      const bool guided = rows() > 1;
      slots.push_back({registers_.data() + s * kRegisters * elements(), plan_.data(), 0, guided ? 2 * s : s,
                       guided ? static_cast<int32_t>(2 * s + 1) : -1, 3.0f});
    }
    stream_.Upload(table_.data(), slots.data(), table_.bytes());
    stream_.Synchronize();
  }
  ~Batch() { stream_.Forget(reinterpret_cast<uintptr_t>(this)); }

  void WriteAnswers(const std::string& folder) {
    Evaluate();
    std::ofstream shapes(folder + "/shapes.json");
    shapes << "{";
    const std::pair<const char*, const Filled*> tensors[] = {
        {"sample", &sample_}, {"timestep", &timesteps_}, {"encoder_hidden_states", &conditioning_}, {"eps", &eps_}};
    for (const auto& [name, tensor] : tensors) {
      const std::vector<float> numbers = tensor->Read(stream_);
      std::ofstream file(folder + "/" + name + ".f32", std::ios::binary);
      file.write(reinterpret_cast<const char*>(numbers.data()),
                 static_cast<std::streamsize>(numbers.size() * sizeof(float)));
      if (!file) throw std::runtime_error("Could not write to " + folder + ".");
      shapes << (tensor == &sample_ ? "\"" : ", \"") << name << "\": [";
      for (size_t i = 0; i < tensor->shape().size(); ++i) shapes << (i == 0 ? "" : ", ") << tensor->shape()[i];
      shapes << "]";
    }
    shapes << "}\n";
  }

 private:
  static constexpr const char* kName = "unet";

  const std::vector<int64_t>& Shape(const InputShapes& shapes, const char* input) const {
    return shapes[InputIndex(unet_, kName, input)];
  }
  size_t slots() const { return static_cast<size_t>(std::max<int64_t>(1, rows() / 2)); }
  size_t elements() const { return Elements(sample_.shape()) / static_cast<size_t>(rows()); }

  Stream& stream_;
  Network& unet_;
  Interrupt interrupt_;
  Filled sample_, timesteps_, conditioning_, eps_;
  DeviceBuffer<PlanStep> plan_;
  DeviceBuffer<float> registers_;
  DeviceBuffer<BatchSlot> table_;
};

}  // namespace arc2face::bench
