// The pipeline's requests, and their checks before any work.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "../operations/diffusion/noise_source.h"
#include "../operations/diffusion/step.h"
#include "../operations/image/latent_colours.h"
#include "edit.h"
#include "face_reader.h"
#include "image_painter.h"
#include "image_sizes.h"
#include "steering.h"

namespace arc2face {

struct EncodeRequest {
  Photo photo;
  Keypoints keypoints;  // of the face
};

struct GenerateRequest {
  std::vector<float> embeddings;            // [identities, kEmbeddingSize]
  std::vector<uint32_t> identity_of_image;  // [images]
  Plan plan;
  float guidance_scale;                        // 1 or less: no unconditional half
  std::vector<uint8_t> guided = {};            // for each step of the plan 1 or 0; empty: 1
  std::vector<uint64_t> seeds;                 // one per image, or one for all
  std::optional<NoiseBatch> noise_batch = {};  // with one seed: if it draws for others, too
  int64_t width, height;                       // pixels
  std::vector<float> latents;                  // initial noise [images, elements], or empty
  std::optional<Edit> edit = std::nullopt;     // not with `latents`
  Steering steering = {};
  std::function<void(uint32_t step, uint32_t steps)> on_step;  // may be empty
  // Each image as it is expected to become, after each step whose plan shows it (see Shows), counted from 1; may be
  // empty. On the painting thread.
  std::function<void(size_t index, uint32_t step, Image image)> on_preview = nullptr;
  LatentColours preview_colours =
      {};  // how those look, one pixel for each of the latents; empty: as the decoder paints them
  // Each image as it is painted, all before the call succeeds. On the painting thread; one that is under
  // way when the call is cancelled still comes.
  std::function<void(size_t index, Image image)> on_image;

  // Whether any step has an unconditional half. At 1 it has no weight; below 1 diffusers leaves it out too.
  bool IsGuided() const;
};

// Both throw kInvalidArgument or kInvalidImage.
void Check(const EncodeRequest& request);
void Check(const GenerateRequest& request, const ImageSizes& sizes, const Abilities& abilities);

}  // namespace arc2face
