// Checks of the pipeline's requests.
#include "requests.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>

#include "../error.h"

namespace arc2face {

namespace {

[[noreturn]] void Refuse(const std::string& what) { throw Error(ErrorCode::kInvalidArgument, what); }

template <typename Numbers>
bool AllFinite(const Numbers& numbers) {
  return std::all_of(std::begin(numbers), std::end(numbers), [](float number) { return std::isfinite(number); });
}

void CheckEmbeddings(const std::vector<float>& embeddings) {
  if (embeddings.empty() || embeddings.size() % kEmbeddingSize != 0 || !AllFinite(embeddings)) {
    Refuse("Expected " + std::to_string(kEmbeddingSize) + " finite numbers per identity for embeddings but received " +
           std::to_string(embeddings.size()) + " numbers" + (AllFinite(embeddings) ? "." : ", not all finite."));
  }
  for (auto at = embeddings.begin(); at != embeddings.end(); at += kEmbeddingSize) {
    if (std::all_of(at, at + kEmbeddingSize, [](float value) { return value == 0; })) {
      Refuse("Expected an embedding with a direction but received " + std::to_string(kEmbeddingSize) + " zeros.");
    }
  }
}

bool IsValid(const PlanStep& step) {
  bool valid = std::isfinite(step.timestep) && std::isfinite(step.input_scale) &&
               step.assignment_count <= kMaxAssignments && AllFinite(std::array{step.kept.latents, step.kept.noise});
  for (uint32_t k = 0; valid && k < step.assignment_count; ++k) {
    const Assignment& assignment = step.assignments[k];
    valid = assignment.to < kRegisters && assignment.to != kEps && assignment.to != kNoise &&
            AllFinite(assignment.coefficients);
  }
  return valid;
}

void CheckPlan(const Plan& plan, bool has_photos) {
  if (!has_photos && plan.start.latents != 0) Refuse("Expected 0 for the weight of latents in the plan's start.");
  if (!AllFinite(std::array{plan.start.latents, plan.start.noise}))
    Refuse("Expected finite weights in the plan's start.");
  if (plan.steps.empty()) Refuse("Expected at least one step for plan but received none.");
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (IsValid(plan.steps[i])) continue;
    Refuse("Expected finite numbers and known registers for plan but step " + std::to_string(i) + " has others.");
  }
}

void CheckGuidance(const GenerateRequest& request) {
  if (!std::isfinite(request.guidance_scale)) Refuse("Expected a finite number for guidanceScale.");
  const std::vector<uint8_t>& guided = request.guided;
  if (guided.empty()) return;
  if (guided.size() != request.plan.steps.size() ||
      std::any_of(guided.begin(), guided.end(), [](uint8_t step) { return step > 1; })) {
    Refuse("Expected 0 or 1 for each of the " + std::to_string(request.plan.steps.size()) +
           " steps for guided but received " + std::to_string(guided.size()) + " numbers, or others.");
  }
}

void CheckSeeds(const GenerateRequest& request) {
  const size_t images = request.identity_of_image.size();
  const size_t seeds = request.seeds.size();
  if (seeds != 1 && seeds != images) {
    Refuse("Expected 1 or " + std::to_string(images) + " seeds but received " + std::to_string(seeds) + ".");
  }
  if (!request.noise_batch) return;
  const auto& [drawn_for, places] = *request.noise_batch;
  if (seeds != 1 || places.size() != images ||
      std::any_of(places.begin(), places.end(), [&](uint32_t place) { return place >= drawn_for; })) {
    Refuse("Expected 1 seed and " + std::to_string(images) + " places below " + std::to_string(drawn_for) +
           " for noiseBatch but received others.");
  }
}

}  // namespace

bool GenerateRequest::IsGuided() const {
  const bool any = guided.empty() || std::find(guided.begin(), guided.end(), 1) != guided.end();
  return any && guidance_scale > 1;
}

void Check(const EncodeRequest& request) {
  CheckPhotoSize(request.photo.width, request.photo.height);
  if (!AllFinite(request.keypoints)) Refuse("Expected ten finite numbers for keypoints.");
}

void Check(const GenerateRequest& request, const ImageSizes& sizes, const Abilities& abilities) {
  CheckEmbeddings(request.embeddings);
  CheckPlan(request.plan, request.edit.has_value());
  CheckGuidance(request);

  const size_t identities = request.embeddings.size() / kEmbeddingSize;
  const size_t images = request.identity_of_image.size();
  if (images == 0) Refuse("Expected at least one image for identityOfImage but received none.");
  if (std::any_of(request.identity_of_image.begin(), request.identity_of_image.end(),
                  [&](uint32_t identity) { return identity >= identities; })) {
    Refuse("Expected identityOfImage to count the " + std::to_string(identities) + " embeddings from 0.");
  }
  CheckSeeds(request);
  if (request.edit) {
    if (!abilities.edit) Refuse("Expected a model with the network vaeEncoder for edit.");
    if (!request.latents.empty()) Refuse("Expected either latents or edit but received both.");
    Check(*request.edit, images, request.noise_batch ? request.noise_batch->images : images);
  }
  sizes.Check(request.width, request.height, request.IsGuided() ? request.guidance_scale : 1);
  const LatentSize latents = sizes.LatentsOf(request.width, request.height);
  const size_t elements_of_one = latents.elements();
  Check(request.steering, abilities, images, elements_of_one);
  const LatentColours& colours = request.preview_colours;
  const size_t colour_numbers = 3 * static_cast<size_t>(latents.channels + 1);
  if (!colours.empty() && (colours.size() != colour_numbers || !AllFinite(colours))) {
    Refuse("Expected " + std::to_string(colour_numbers) + " finite numbers for previewColours but received " +
           std::to_string(colours.size()) + ".");
  }
  const size_t elements = images * elements_of_one;
  if (!request.latents.empty() && (request.latents.size() != elements || !AllFinite(request.latents))) {
    Refuse("Expected " + std::to_string(elements) + " finite numbers for latents but received " +
           std::to_string(request.latents.size()) + ".");
  }
}

}  // namespace arc2face
