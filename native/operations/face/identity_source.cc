// Draws identities.
#include "identity_source.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include "../../error.h"
#include "../../vectorised.h"
#include "face.h"

namespace arc2face {

namespace {

constexpr size_t kLength = static_cast<size_t>(kEmbeddingSize);

// Each number has a sum of its own, in the order of the components.
ARC2FACE_VECTORISED
void AddWeighted(const double* component, double weight, double* sums) {
  for (size_t k = 0; k < kLength; ++k) sums[k] += weight * component[k];
}

}  // namespace

IdentitySource::IdentitySource(uint64_t seed, std::vector<double> mean, std::vector<double> components)
    : noise_(seed), mean_(std::move(mean)), components_(std::move(components)) {
  const bool sphere = mean_.empty() && components_.empty();
  if (!sphere && (mean_.size() != kLength || components_.size() % kLength != 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "Expected a mean of " + std::to_string(kLength) + " numbers, and as many for each component.");
  }
}

std::vector<float> IdentitySource::Draw(size_t count, Interrupt& interrupt) {
  std::atomic<bool> stopped = false;
  const Interrupt::Scope scope(interrupt, [&] { stopped = true; });
  std::vector<float> weights(mean_.empty() ? kLength : components_.size() / kLength);
  std::vector<double> sums(kLength);
  std::vector<float> identities;
  identities.reserve(count * kLength);
  for (size_t i = 0; i < count; ++i) {
    if (stopped) throw Error(ErrorCode::kCancelled, "Drawing identities was cancelled.");
    noise_.Draw(weights.data(), weights.size());
    if (mean_.empty()) {
      std::copy(weights.begin(), weights.end(), sums.begin());
    } else {
      sums = mean_;
      for (size_t n = 0; n < weights.size(); ++n) AddWeighted(&components_[n * kLength], weights[n], sums.data());
    }
    double squares = 0;
    for (const double number : sums) squares += number * number;
    const double length = std::sqrt(squares);
    if (!(length > 0 && std::isfinite(length))) {
      throw Error(ErrorCode::kInvalidArgument, "Expected a mean and components whose sum has a direction.");
    }
    for (const double number : sums) identities.push_back(static_cast<float>(number / length));
  }
  return identities;
}

}  // namespace arc2face
