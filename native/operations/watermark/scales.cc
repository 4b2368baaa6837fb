// The search for scales. What repeats every 128 pixels has power at multiples of 1 / 128 cycles a pixel alone; once
// scaled, at multiples of another number. Which is seen without knowing where the tiles begin.
#include "scales.h"

#include <algorithm>
#include <cmath>

#include "../../vectorised.h"
#include "fourier.h"

namespace arc2face::watermark {

namespace {

constexpr size_t kLeastSide = 128;
// Larger images are looked at in pieces of this size.
constexpr size_t kMostWindow = 1024;
// Scales that are scored are this far apart, and those that are told are at most so many.
constexpr int kStepsApart = 2;
constexpr size_t kLikely = 24;
// Of a peak among the scores.
constexpr ptrdiff_t kPeakRadius = 5;
// How much power, over that of its surroundings, a single line may count: textures have lines of their own.
constexpr float kMostPower = 6;
// Frequencies to each side.
constexpr size_t kSurroundings = 5;

// The code's power at a frequency, in cycles a tile, of both halves of the plane.
struct Line {
  int x, y;
  float power;
};

// The strong ones, whose powers are 1 in the mean square.
const std::vector<Line>& CodeLines() {
  static const std::vector<Line> lines = [] {
    Spectrum code{.width = kCodeTile,
                  .height = kCodeTile,
                  .real = CodeTile(),
                  .imaginary = std::vector<float>(kCodeTile * kCodeTile)};
    Transform(code, false);
    // Transposed: a column is a frequency down.
    std::vector<Line> found;
    constexpr int kSide = kCodeTile, kHalf = kSide / 2;
    double squares = 0, strongest = 0;
    for (int x = 0; x < kHalf; ++x) {
      for (int y = -kHalf + 1; y < kHalf; ++y) {
        if (x == 0 && y <= 0) continue;
        const size_t at = static_cast<size_t>(x * kSide + (y + kSide) % kSide);
        const float power = code.real[at] * code.real[at] + code.imaginary[at] * code.imaginary[at];
        found.push_back({x, y, power});
        strongest = std::max(strongest, static_cast<double>(power));
      }
    }
    std::erase_if(found, [&](const Line& line) { return line.power < 0.1 * strongest; });
    for (const Line& line : found) squares += static_cast<double>(line.power * line.power);
    const auto size = static_cast<float>(std::sqrt(squares / static_cast<double>(found.size())));
    for (Line& line : found) line.power /= size;
    return found;
  }();
  return lines;
}

// Power of a real plane: [across][down], `side / 2 + 1` frequencies across and `side` down.
struct Power {
  size_t side;
  std::vector<float> values;
};

// Adds that of a piece. Two halves of its columns are transformed as the parts of complex ones.
void AddPower(const Plane& plane, size_t left, size_t top, Power& power) {
  const size_t side = power.side, half = side / 2;
  Spectrum pairs{.width = half,
                 .height = side,
                 .real = std::vector<float>(half * side),
                 .imaginary = std::vector<float>(half * side)};
  const size_t width = std::min(side, plane.width - left), height = std::min(side, plane.height - top);
  for (size_t y = 0; y < height; ++y) {
    const float* const row = plane.values.data() + (top + y) * plane.width + left;
    std::copy_n(row, std::min(width, half), pairs.real.data() + y * half);
    if (width > half) std::copy_n(row + half, width - half, pairs.imaginary.data() + y * half);
  }
  TransformColumns(pairs, false);
  // Of a real column, frequencies down come in conjugate pairs: half of them are enough. Each is a column here.
  const size_t rows = half + 1;
  Spectrum across{.width = rows,
                  .height = side,
                  .real = std::vector<float>(rows * side),
                  .imaginary = std::vector<float>(rows * side)};
  for (size_t k = 0; k < rows; ++k) {
    const float* const r = pairs.real.data() + k * half;
    const float* const i = pairs.imaginary.data() + k * half;
    const float* const rr = pairs.real.data() + (side - k) % side * half;
    const float* const ii = pairs.imaginary.data() + (side - k) % side * half;
    for (size_t x = 0; x < half; ++x) {
      across.real[x * rows + k] = (r[x] + rr[x]) / 2;
      across.imaginary[x * rows + k] = (i[x] - ii[x]) / 2;
      across.real[(half + x) * rows + k] = (i[x] + ii[x]) / 2;
      across.imaginary[(half + x) * rows + k] = (rr[x] - r[x]) / 2;
    }
  }
  TransformColumns(across, false);
  // Which leaves, for k cycles down and every frequency across, both signs of it.
  for (size_t x = 0; x < side; ++x) {
    for (size_t k = 0; k < rows; ++k) {
      const size_t at = x * rows + k;
      power.values[at] += across.real[at] * across.real[at] + across.imaginary[at] * across.imaginary[at];
    }
  }
}

// Each power by the mean around it.
void Level(Power& power) {
  const size_t rows = power.side / 2 + 1, side = power.side;
  std::vector<float> sums(rows + 2 * kSurroundings), column(rows);
  std::vector<float> levelled(power.values.size());
  for (size_t x = 0; x < side; ++x) {
    std::fill(column.begin(), column.end(), 0.0f);
    for (size_t near = side + x - kSurroundings; near <= side + x + kSurroundings; ++near) {
      const float* const other = power.values.data() + near % side * rows;
      for (size_t k = 0; k < rows; ++k) column[k] += other[k];
    }
    double sum = 0;
    size_t count = 0;
    for (size_t k = 0; k < std::min(kSurroundings, rows); ++k) sum += static_cast<double>(column[k]), ++count;
    for (size_t k = 0; k < rows; ++k) {
      if (k + kSurroundings < rows) sum += static_cast<double>(column[k + kSurroundings]), ++count;
      if (k > kSurroundings) sum -= static_cast<double>(column[k - kSurroundings - 1]), --count;
      const double mean = sum / static_cast<double>(count * (2 * kSurroundings + 1));
      const auto level = mean > 0 ? static_cast<float>(static_cast<double>(power.values[x * rows + k]) / mean) : 0.0f;
      levelled[x * rows + k] = std::min(level, kMostPower);
    }
  }
  power.values = std::move(levelled);
}

// The code's power in the image if it was scaled so, over what any image has. Between frequencies, linearly.
float Score(const Power& power, double scale) {
  const size_t rows = power.side / 2 + 1;
  const auto side = static_cast<int>(power.side);
  const auto bins = static_cast<float>(static_cast<double>(side) / (static_cast<double>(kCodeTile) * scale));
  float sum = 0;
  for (const Line& line : CodeLines()) {
    float x = static_cast<float>(line.x) * bins, y = static_cast<float>(line.y) * bins;
    if (y < 0) {
      y = -y;
      x = -x;
    }
    if (!(std::max(std::abs(x), y) < static_cast<float>(side / 2 - 1))) continue;
    const float left = std::floor(x), top = std::floor(y);
    const float* const column =
        power.values.data() + static_cast<size_t>(static_cast<int>(left) + side) % power.side * rows;
    const float* const next =
        power.values.data() + static_cast<size_t>(static_cast<int>(left) + 1 + side) % power.side * rows;
    const auto row = static_cast<size_t>(top);
    const float first = column[row] + (y - top) * (column[row + 1] - column[row]);
    const float second = next[row] + (y - top) * (next[row + 1] - next[row]);
    sum += line.power * (first + (x - left) * (second - first) - 1);
  }
  return sum;
}

}  // namespace

double ScaleOf(int steps) { return std::exp2(steps / kStepsPerDoubling); }

std::vector<int> LikelyScales(const Plane& plane) {
  if (std::min(plane.width, plane.height) < kLeastSide) return {};
  size_t side = kLeastSide;
  while (side < kMostWindow && side < std::max(plane.width, plane.height)) side *= 2;
  Power power{.side = side, .values = std::vector<float>((side / 2 + 1) * side)};
  const auto pieces = [&](size_t length) { return (length + side - 1) / side; };
  const auto start = [&](size_t piece, size_t length) {
    return pieces(length) == 1 ? 0 : piece * (length - side) / (pieces(length) - 1);
  };
  for (size_t row = 0; row < pieces(plane.height); ++row) {
    for (size_t column = 0; column < pieces(plane.width); ++column) {
      AddPower(plane, start(column, plane.width), start(row, plane.height), power);
    }
  }
  Level(power);

  std::vector<float> scores;
  for (int steps = -kMostSteps; steps <= kMostSteps; steps += kStepsApart)
    scores.push_back(Score(power, ScaleOf(steps)));
  std::vector<int> likely;
  for (size_t i = 0; i < kLikely; ++i) {
    const auto best = std::max_element(scores.begin(), scores.end());
    if (!(*best > 0)) break;
    const auto at = best - scores.begin();
    // Its middle: a scale that is a little off has nearly as much.
    double sum = 0, moment = 0;
    const auto first = std::max<ptrdiff_t>(at - kPeakRadius, 0);
    const auto end = std::min<ptrdiff_t>(at + kPeakRadius + 1, std::ssize(scores));
    const float half = *best / 2;
    for (auto near = first; near < end; ++near) {
      const auto above = static_cast<double>(std::max(scores[static_cast<size_t>(near)] - half, 0.0f));
      sum += above;
      moment += above * static_cast<double>(near);
    }
    likely.push_back(static_cast<int>(std::lround(moment / sum * kStepsApart)) - kMostSteps);
    std::fill(scores.begin() + first, scores.begin() + end, -INFINITY);
  }
  return likely;
}

}  // namespace arc2face::watermark
