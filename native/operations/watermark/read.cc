// Reading the watermark.
//
// The probability that an image without a mark is taken for a marked one. Let an image be given, and let it have been
// made without regard to the signs of the code, which are as if drawn by lot. For one scale and one place of the tile,
// chips c depend on the image alone, and z = Σ sᵢ cᵢ / √(Σ cᵢ²) has, over the signs s, P(z ≥ t) ≤ exp(-t² / 2),
// whatever the image (Hoeffding 1963, Probability Inequalities for Sums of Bounded Random Variables, theorem 2). There
// are kScales · 128² of scale and place; by the union bound, with a weight w for each that add up to 1, the probability
// that any of them has exp(-z² / 2) ≤ p · w is at most p. It is p that is told and compared with kWatermarkFalseAlarms.
// Half of the weight is on an image that was neither scaled nor cropped, a quarter on those not scaled, a quarter on
// all.
#include <algorithm>
#include <cmath>
#include <deque>
#include <span>
#include <utility>

#include "../../error.h"
#include "fourier.h"
#include "pattern.h"
#include "scales.h"
#include "tile.h"
#include "watermark.h"
#include "whiten.h"

namespace arc2face {

namespace {

using namespace watermark;

// How far from a likely scale others are looked at, in steps.
constexpr int kFinerSteps = 3;
constexpr int kDoubling = static_cast<int>(kStepsPerDoubling);
constexpr double kPlaces = kCodeTile * kCodeTile;
// Pixels of a side that are looked at: of an image that was doubled, eight of the code's tiles.
constexpr int kMostSide = 2048;

struct Found {
  double false_alarm = 1;
  int steps = 0;
  Place place{};
};

// One by the weight that the bound gives to this.
double Hypotheses(int steps, Place place) {
  double weight = 0.25 / (kPlaces * static_cast<double>(kScales));
  if (steps == 0) weight += 0.25 / kPlaces;
  if (steps == 0 && place.x == 0 && place.y == 0) weight += 0.5;
  return 1 / weight;
}

double BoundAt(const std::vector<float>& sums, int steps, Place place) {
  const std::vector<float> chips = ChipsAt(sums, kCodeTile, place, 0);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < chips.size(); ++i) {
    sum += static_cast<double>(CodeSigns()[i] * chips[i]);
    squares += static_cast<double>(chips[i] * chips[i]);
  }
  if (!(sum > 0)) return 1;
  return std::min(1.0, Hypotheses(steps, place) * std::exp(-sum * sum / (2 * squares)));
}

// The conjugate of the code's transform, transposed.
const Spectrum& CodeSpectrum() {
  static const Spectrum code = [] {
    Spectrum made{.width = kCodeTile,
                  .height = kCodeTile,
                  .real = CodeTile(),
                  .imaginary = std::vector<float>(kCodeTile * kCodeTile)};
    Transform(made, false);
    return made;
  }();
  return code;
}

// Where the code's tile fits each of two sums best: as they are real, one transform has both.
std::array<Place, 2> BestPlaces(std::vector<float> first, std::vector<float> second) {
  Spectrum both{.width = kCodeTile, .height = kCodeTile, .real = std::move(first), .imaginary = std::move(second)};
  Transform(both, false);
  for (size_t i = 0; i < both.real.size(); ++i) {
    const float a = both.real[i], b = both.imaginary[i], c = CodeSpectrum().real[i], d = CodeSpectrum().imaginary[i];
    both.real[i] = a * c + b * d;
    both.imaginary[i] = b * c - a * d;
  }
  Transform(both, true);
  const auto best = [](const std::vector<float>& fits) {
    const auto at = static_cast<size_t>(std::max_element(fits.begin(), fits.end()) - fits.begin());
    return Place{.x = at % kCodeTile, .y = at / kCodeTile};
  };
  return {best(both.real), best(both.imaginary)};
}

Plane Looked(PhotoView image, Grain grain) {
  Whitened whitened = Whiten(image, grain);
  Plane plane{.width = whitened.width, .height = whitened.height, .values = std::move(whitened.detail)};
  for (size_t i = 0; i < plane.values.size(); ++i) plane.values[i] *= whitened.gain[i];
  return plane;
}

// An image, whitened as it is best for each scale.
class Planes {
 public:
  explicit Planes(PhotoView image) : image_(image) {}
  const Plane& At(int steps) {
    const Grain grain = GrainAt(ScaleOf(steps));
    for (const auto& [made_for, plane] : planes_) {
      if (made_for == grain) return plane;
    }
    return planes_.emplace_back(grain, Looked(image_, grain)).second;
  }

 private:
  PhotoView image_;
  std::deque<std::pair<Grain, Plane>> planes_;
};

// At one scale, or two.
void LookAt(Planes& planes, std::span<const int> steps, Found& found) {
  std::array sums{std::vector<float>(kCodeTile * kCodeTile), std::vector<float>(kCodeTile * kCodeTile)};
  for (size_t i = 0; i < steps.size(); ++i) sums[i] = Fold(planes.At(steps[i]), ScaleOf(steps[i]), kCodeTile);
  const std::array best = BestPlaces(sums[0], sums[1]);
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const Place place : {Place{}, best[i]}) {
      const double bound = BoundAt(sums[i], steps[i], place);
      if (bound < found.false_alarm) found = {.false_alarm = bound, .steps = steps[i], .place = place};
    }
  }
}

// The mark repeats, so that of a large image a part will do, in bounded time and memory. Copied where it is a part.
PhotoView Middle(PhotoView image, std::vector<uint8_t>& kept) {
  if (image.width <= kMostSide && image.height <= kMostSide) return image;
  const int width = std::min(image.width, kMostSide), height = std::min(image.height, kMostSide);
  const auto row_bytes = static_cast<size_t>(3) * static_cast<size_t>(width);
  kept.resize(row_bytes * static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    const auto from = static_cast<size_t>(y + (image.height - height) / 2) * static_cast<size_t>(image.width) +
                      static_cast<size_t>((image.width - width) / 2);
    std::copy_n(image.data + 3 * from, row_bytes, kept.data() + static_cast<size_t>(y) * row_bytes);
  }
  return {kept.data(), width, height};
}

// The payload's tile is four of the code's, and may begin at any.
std::optional<WatermarkPayload> PayloadAt(const Plane& plane, const Found& found) {
  const std::vector<float> sums = Fold(plane, ScaleOf(found.steps), kPayloadTile);
  for (const size_t y : {size_t{0}, kCodeTile}) {
    for (const size_t x : {size_t{0}, kCodeTile}) {
      const Place place{.x = found.place.x + x, .y = found.place.y + y};
      const std::vector<float> chips = ChipsAt(sums, kPayloadTile, place, kWaves);
      std::array<float, kPayloadChips> signs;
      std::copy(chips.begin(), chips.end(), signs.begin());
      if (const auto payload = ReadPayload(signs)) return payload;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Watermark> ReadWatermark(PhotoView image, Interrupt& interrupt) {
  CheckSize("an image to read a watermark from", image.width, image.height);
  std::vector<uint8_t> kept;
  Planes planes(Middle(image, kept));
  Found found;
  LookAt(planes, std::array{0}, found);
  if (!(found.false_alarm <= kWatermarkFalseAlarms)) {
    // Halving and doubling are common, and looked at whatever the spectrum says.
    std::vector<int> steps{-kDoubling, kDoubling};
    for (const int likely : LikelyScales(planes.At(0))) {
      for (const int off : {-kFinerSteps, 0, kFinerSteps})
        steps.push_back(std::clamp(likely + off, -kMostSteps, kMostSteps));
    }
    for (size_t i = 0; i < steps.size(); i += 2) {
      if (interrupt.requested()) throw Error(ErrorCode::kCancelled, "Reading the watermark was cancelled.");
      LookAt(planes, std::span(steps).subspan(i, std::min<size_t>(2, steps.size() - i)), found);
    }
  }
  if (!(found.false_alarm <= kWatermarkFalseAlarms)) return std::nullopt;
  return Watermark{.false_alarm = found.false_alarm, .payload = PayloadAt(planes.At(found.steps), found)};
}

}  // namespace arc2face
