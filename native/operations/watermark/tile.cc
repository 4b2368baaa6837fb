// Folding an image into one tile, by linear interpolation.
#include "tile.h"

#include <cmath>

#include "../../vectorised.h"

namespace arc2face::watermark {

namespace {

// Where a pixel of the marked image lies between those of the scaled one, if centres of pixels are scaled alike.
struct Between {
  size_t first, second;
  float share;  // of the second
};

// Of each pixel of the marked image; those beyond the last pixel's centre are left out.
std::vector<Between> Positions(size_t length, double scale) {
  std::vector<Between> positions;
  const auto count = static_cast<size_t>(std::floor(static_cast<double>(length) / scale));
  for (size_t at = 0; at < count; ++at) {
    const double position = std::max((static_cast<double>(at) + 0.5) * scale - 0.5, 0.0);
    const auto first = static_cast<size_t>(position);
    if (first >= length) break;
    positions.push_back(
        {first, std::min(first + 1, length - 1), static_cast<float>(position - static_cast<double>(first))});
  }
  return positions;
}

ARC2FACE_VECTORISED
void AddBetween(const float* first, const float* second, float share, size_t width, float* sums) {
  for (size_t x = 0; x < width; ++x) sums[x] += first[x] + share * (second[x] - first[x]);
}

ARC2FACE_VECTORISED
void AddRow(const float* row, size_t width, float* sums) {
  for (size_t x = 0; x < width; ++x) sums[x] += row[x];
}

}  // namespace

std::vector<float> Fold(const Plane& plane, double scale, size_t side) {
  // Down first, where numbers lie side by side.
  std::vector<float> rows(side * plane.width);
  const std::vector<Between> down = Positions(plane.height, scale);
  for (size_t y = 0; y < down.size(); ++y) {
    const float* const first = plane.values.data() + down[y].first * plane.width;
    const float* const second = plane.values.data() + down[y].second * plane.width;
    float* const sums = rows.data() + (y % side) * plane.width;
    if (down[y].share == 0) {
      AddRow(first, plane.width, sums);
    } else {
      AddBetween(first, second, down[y].share, plane.width, sums);
    }
  }
  std::vector<float> tile(side * side);
  const std::vector<Between> across = Positions(plane.width, scale);
  for (size_t y = 0; y < side; ++y) {
    const float* const row = rows.data() + y * plane.width;
    float* const sums = tile.data() + y * side;
    for (size_t x = 0; x < across.size(); ++x) {
      const auto [first, second, share] = across[x];
      sums[x % side] += row[first] + share * (row[second] - row[first]);
    }
  }
  return tile;
}

std::vector<float> ChipsAt(const std::vector<float>& sums, size_t side, Place place, size_t first_wave) {
  const size_t blocks = side / kBlock;
  std::vector<float> chips(blocks * blocks * kWaves);
  std::array<float, kWaves> squares{};
  for (size_t block = 0; block < blocks * blocks; ++block) {
    const size_t top = place.y + block / blocks * kBlock, left = place.x + block % blocks * kBlock;
    std::array<float, kBlockPixels> pixels;
    for (size_t y = 0; y < kBlock; ++y) {
      const float* const row = sums.data() + (top + y) % side * side;
      for (size_t x = 0; x < kBlock; ++x) pixels[y * kBlock + x] = row[(left + x) % side];
    }
    Project(pixels.data(), first_wave, kWaves, &chips[block * kWaves]);
    for (size_t wave = 0; wave < kWaves; ++wave)
      squares[wave] += chips[block * kWaves + wave] * chips[block * kWaves + wave];
  }
  for (size_t wave = 0; wave < kWaves; ++wave) {
    const float size = std::sqrt(squares[wave] / static_cast<float>(blocks * blocks));
    for (size_t chip = wave; chip < chips.size(); chip += kWaves) chips[chip] = size > 0 ? chips[chip] / size : 0;
  }
  return chips;
}

}  // namespace arc2face::watermark
