// How many rows of latents one evaluation takes.
#include "batch_sizes.h"

#include <algorithm>
#include <iterator>

namespace arc2face {

BatchSizes::BatchSizes(Built built, std::function<size_t(int64_t height, int64_t width)> preferred)
    : built_(std::move(built)), preferred_(std::move(preferred)) {
  for (auto& [size, rows] : built_) std::sort(rows.begin(), rows.end());
}

size_t BatchSizes::Capacity(const LatentSize& size) const {
  const size_t preferred = std::max<size_t>(2, preferred_(size.height, size.width));
  const auto found = built_.find({size.height, size.width});
  if (found == built_.end()) return preferred;
  const auto& rows = found->second;
  const auto above = std::upper_bound(rows.begin(), rows.end(), preferred);
  return above == rows.begin() ? rows.front() : *std::prev(above);
}

size_t BatchSizes::RoundUp(const LatentSize& size, size_t rows) const {
  const auto found = built_.find({size.height, size.width});
  return found == built_.end() ? rows : *std::lower_bound(found->second.begin(), found->second.end(), rows);
}

}  // namespace arc2face
