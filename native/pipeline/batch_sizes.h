// How many rows of latents one evaluation takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace arc2face {

// Of one image.
struct LatentSize {
  int64_t channels, height, width;
  size_t elements() const noexcept { return static_cast<size_t>(channels * height * width); }
  bool operator==(const LatentSize&) const = default;
};

class BatchSizes {
 public:
  // Heights and widths of latents, with the batch rows that were built for, least first.
  using Built = std::map<std::pair<int64_t, int64_t>, std::vector<size_t>>;

  // `built`: empty if any size and number of rows runs. `preferred`: the most rows of latents of a height and width
  // that are good for speed, whatever was built.
  BatchSizes(Built built, std::function<size_t(int64_t height, int64_t width)> preferred);

  const Built& built() const noexcept { return built_; }
  // The most rows that one evaluation should have; at least 2, for guidance, unless only less was built.
  size_t Capacity(const LatentSize& size) const;
  // The rows of the smallest batch that holds `rows`, at most the capacity.
  size_t RoundUp(const LatentSize& size, size_t rows) const;

 private:
  Built built_;
  std::function<size_t(int64_t height, int64_t width)> preferred_;
};

}  // namespace arc2face
