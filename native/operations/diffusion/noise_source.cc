// The noise of one request's images.
#include "noise_source.h"

#include <numeric>

namespace arc2face {

NoiseSource::NoiseSource(const std::vector<uint64_t>& seeds, size_t images, size_t elements,
                         const std::optional<NoiseBatch>& batch)
    : generators_(seeds.begin(), seeds.end()), taken_(images, 0), elements_(elements) {
  size_t drawn_for = 1;
  if (batch) {
    places_ = batch->places;
    drawn_for = batch->images;
  } else if (seeds.size() != images) {
    places_.resize(images);
    std::iota(places_.begin(), places_.end(), 0);
    drawn_for = images;
  }
  values_.resize(drawn_for * elements);
}

const float* NoiseSource::Next(size_t image) {
  if (places_.empty()) {
    generators_[image].Draw(values_.data(), values_.size());
    return values_.data();
  }
  if (++taken_[image] > drawn_) {
    generators_[0].Draw(values_.data(), values_.size());
    ++drawn_;
  }
  return values_.data() + places_[image] * elements_;
}

std::vector<float> NoiseSource::DrawRows(size_t count) {
  std::vector<float> rows(count * elements_);
  if (shared()) {
    generators_[0].Draw(rows.data(), rows.size());
    return rows;
  }
  for (size_t i = 0; i < count; ++i) generators_[i].Draw(rows.data() + i * elements_, elements_);
  return rows;
}

}  // namespace arc2face
