// Networks that compute small known functions, of a model that can be steered by everything; see fake_networks.h.
#pragma once

#include <cmath>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fake_networks.h"

namespace arc2face::testing {

// What was asked of the steered networks.
struct SteeredControl : Control {
  std::mutex rows_mutex;
  std::vector<int64_t> controlnet_batches;  // rows of every evaluation
  std::vector<int64_t> bank_lengths;        // of the UNet's evaluations
  int writes = 0;                           // evaluations whose banks were wanted
};

inline Levels FakeLevels() { return {{"down_0", 0}, {"mid", 1}, {"bank_0", 1}, {"written_0", 1}}; }

inline constexpr int64_t kBankChannels = 2;

// Profiles of `rows` rows with latents of 4 x 4, of which level 1 has 2 x 2.
inline std::vector<InputShapes> SteeredProfiles(const std::vector<int64_t>& all_rows) {
  std::vector<InputShapes> profiles;
  for (const int64_t rows : all_rows) {
    profiles.push_back({{rows, kChannels, 4, 4},
                        {rows},
                        {rows, kRows, kDimension},
                        {rows, kChannels, 4, 4},
                        {rows, kChannels, 2, 2},
                        {rows, kExpressionSize},
                        {rows},
                        {rows},
                        {rows},
                        {rows, 4, kBankChannels}});
  }
  return profiles;
}

// eps = tanh(sample / 2 + sin(timestep / 100) / 10 + text / 10 + down_0 + mid[0] + expression_scale * (1 + the sum of
// the expression) / 10 + reads * the bank's mean + reference_scale / 10), and written = sample's first number + text.
// Numbers of rows that are not to count are NaN-proof only as far as a network's are: a bank that is not read is not
// looked at, and all else is.
inline std::unique_ptr<Network> FakeSteeredUnet(const std::shared_ptr<SteeredControl>& control) {
  const auto type = DataType::kFloat32;
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"sample", type, {-1, kChannels, -1, -1}},
                              {"timestep", type, {-1}},
                              {"encoder_hidden_states", type, {-1, kRows, kDimension}},
                              {"down_0", type, {-1, kChannels, -1, -1}},
                              {"mid", type, {-1, kChannels, -1, -1}},
                              {"expression", type, {-1, kExpressionSize}},
                              {"expression_scale", type, {-1}},
                              {"reference_scale", type, {-1}},
                              {"reference_reads", type, {-1}},
                              {"bank_0", type, {-1, -1, kBankChannels}}},
      std::vector<TensorInfo>{{"eps", type, {-1, kChannels, -1, -1}}, {"written_0", type, {-1, -1, kBankChannels}}},
      [control](auto inputs, auto outputs, Interrupt& interrupt) {
        const auto& shape = inputs[0].shape;
        {
          const std::lock_guard lock(control->mutex);
          control->unet_batches.push_back(shape[0]);
          control->bank_lengths.push_back(inputs[9].shape[1]);
        }
        if (control->evaluations++ == control->fail_unet_at) {
          throw Error(ErrorCode::kEngineFailed, "A fault on purpose.");
        }
        control->unet_gate.Pass(interrupt);
        if (control->on_unet) control->on_unet(inputs);
        const int64_t elements = shape[1] * shape[2] * shape[3];
        const int64_t middle = kChannels * ((shape[2] + 1) / 2) * ((shape[3] + 1) / 2);
        const int64_t bank = inputs[9].shape[1] * kBankChannels;
        float* const eps = static_cast<float*>(outputs[0].data);
        float* const written = static_cast<float*>(outputs[1].data);
        if (written != nullptr) ++control->writes;
        for (int64_t row = 0; row < shape[0]; ++row) {
          float text = 0;
          for (int64_t i = 0; i < kRows * kDimension; ++i) text += Floats(inputs[2])[row * kRows * kDimension + i] / 10;
          float expression = 1;
          for (int64_t i = 0; i < kExpressionSize; ++i) expression += Floats(inputs[5])[row * kExpressionSize + i];
          float shift = std::sin(Floats(inputs[1])[row] / 100) / 10 + text + Floats(inputs[4])[row * middle] +
                        Floats(inputs[6])[row] * expression / 10 + Floats(inputs[7])[row] / 10;
          if (Floats(inputs[8])[row] == 1 && bank > 0) {
            for (int64_t i = 0; i < bank; ++i) {
              shift += Floats(inputs[9])[row * bank + i] / static_cast<float>(bank);
            }
          }
          for (int64_t i = row * elements; i < (row + 1) * elements; ++i) {
            eps[i] = std::tanh(Floats(inputs[0])[i] / 2 + shift + Floats(inputs[3])[i]);
          }
          const int64_t tokens = ((shape[2] + 1) / 2) * ((shape[3] + 1) / 2) * kBankChannels;
          for (int64_t i = 0; written != nullptr && i < tokens; ++i) {
            written[row * tokens + i] = Floats(inputs[0])[row * elements] + text;
          }
        }
      },
      SteeredProfiles(control->unet_rows));
}

// down_0 = scale * (the image's first number + sample / 100), mid = scale * 2, but rows of scale 0 get 7: nobody is to
// use these.
inline std::unique_ptr<Network> FakeControlNet(const std::shared_ptr<SteeredControl>& control) {
  const auto type = DataType::kFloat32;
  std::vector<InputShapes> profiles;
  for (const int64_t rows : control->unet_rows) {
    profiles.push_back({{rows, kChannels, 4, 4}, {rows}, {rows, kRows, kDimension}, {rows, 3, 32, 32}, {rows}});
  }
  return std::make_unique<FakeNetwork>(
      std::vector<TensorInfo>{{"sample", type, {-1, kChannels, -1, -1}},
                              {"timestep", type, {-1}},
                              {"encoder_hidden_states", type, {-1, kRows, kDimension}},
                              {"controlnet_cond", type, {-1, 3, -1, -1}},
                              {"conditioning_scale", type, {-1}}},
      std::vector<TensorInfo>{{"down_0", type, {-1, kChannels, -1, -1}}, {"mid", type, {-1, kChannels, -1, -1}}},
      [control](auto inputs, auto outputs, Interrupt&) {
        const auto& shape = inputs[0].shape;
        {
          const std::lock_guard lock(control->mutex);
          control->controlnet_batches.push_back(shape[0]);
        }
        const int64_t elements = shape[1] * shape[2] * shape[3];
        const int64_t middle = kChannels * ((shape[2] + 1) / 2) * ((shape[3] + 1) / 2);
        const int64_t image = 3 * inputs[3].shape[2] * inputs[3].shape[3];
        for (int64_t row = 0; row < shape[0]; ++row) {
          const float scale = Floats(inputs[4])[row];
          for (int64_t i = row * elements; i < (row + 1) * elements; ++i) {
            const float value = scale * (Floats(inputs[3])[row * image] + Floats(inputs[0])[i] / 100);
            static_cast<float*>(outputs[0].data)[i] = scale == 0 ? 7 : value;
          }
          std::fill_n(static_cast<float*>(outputs[1].data) + row * middle, middle, scale == 0 ? 7 : scale * 2);
        }
      },
      profiles);
}

class SteeredProvider : public Provider {
 public:
  SteeredProvider(std::shared_ptr<SteeredControl> control, size_t preferred_rows)
      : control_(std::move(control)), preferred_rows_(preferred_rows) {}
  const char* name() const noexcept override { return "fake"; }
  std::string version() const override { return "1"; }
  size_t PreferredRows(int64_t, int64_t) const noexcept override { return preferred_rows_; }
  std::unique_ptr<Network> Load(const NetworkSource& source, Stream&, Interrupt&) override {
    if (source.name == "textEncoder") return FakeTextEncoder();
    if (source.name == "unet") return FakeSteeredUnet(control_);
    if (source.name == "controlNet") return FakeControlNet(control_);
    if (source.name == "vaeEncoder") return FakeVaeEncoder();
    return FakeVaeDecoder();
  }

 private:
  std::shared_ptr<SteeredControl> control_;
  size_t preferred_rows_;
};

inline PipelineSource MakeSteeredSource(const std::shared_ptr<SteeredControl>& control, size_t preferred_rows = 8) {
  PipelineSource source;
  source.provider = std::make_shared<SteeredProvider>(control, preferred_rows);
  for (const NetworkRow& row : kNetworks) {
    if (row.lane != Lane::kFaces) source.networks.emplace_back().name = row.name;
  }
  source.prompt = {{1, 2, 3}, {1, 3, 3}, 1};
  source.pixels_per_latent = 8;
  source.levels = FakeLevels();
  return source;
}

inline std::shared_ptr<Pipeline> MakeSteeredPipeline(Device& device, const std::shared_ptr<SteeredControl>& control,
                                                     size_t preferred_rows = 8) {
  Interrupt interrupt;
  return Pipeline::Load(device, MakeSteeredSource(control, preferred_rows), nullptr, interrupt);
}

// A photo of 32 x 32 pixels in one colour.
inline Photo Plain(uint8_t level) {
  const auto pixels = std::make_shared<std::vector<uint8_t>>(32 * 32 * 3, level);
  return {std::shared_ptr<const uint8_t[]>(pixels, pixels->data()), 32, 32};
}

inline Steering::Control ControlBy(uint8_t level, float scale) { return {.image = Plain(level), .scale = scale}; }
inline Steering::Expression ExpressionOf(float value, float scale) {
  return {.numbers = std::vector<float>(kExpressionSize, value), .scale = scale};
}
inline Steering::Reference ReferenceOf(uint8_t level, float scale, std::vector<float> noise = {}) {
  return {.photo = Plain(level), .face = {}, .noise = std::move(noise), .scale = scale};
}

}  // namespace arc2face::testing
