// Keypoints to the recogniser's crop.
#include <cmath>
#include <complex>
#include <string>

#include "../../error.h"
#include "face.h"

namespace arc2face {
namespace {

// Where a crop of kFaceCropSide pixels has the keypoints: insightface's arcface_dst,
// https://github.com/deepinsight/insightface/blob/master/python-package/insightface/utils/face_align.py
constexpr Keypoints kTemplate = {38.2946f, 51.6963f, 73.5318f, 51.5014f, 56.0252f,
                                 71.7366f, 41.5493f, 92.3655f, 70.7299f, 92.2041f};

// A crop of that side, or a multiple, holds just the template; one of 128 has 8 more pixels on the left and right.
struct Placement {
  double scale, shift;
};
Placement PlaceTemplate(int size) {
  if (size >= 1 && size % kFaceCropSide == 0) return {size / double{kFaceCropSide}, 0};
  if (size >= 1 && size % 128 == 0) return {size / 128.0, 8 * (size / 128.0)};
  throw Error(ErrorCode::kInvalidArgument, "Expected a multiple of " + std::to_string(kFaceCropSide) +
                                               " or 128 for the crop's size but received " + std::to_string(size) +
                                               ".");
}

}  // namespace

Affine EstimateAlignment(const Keypoints& keypoints, int size) {
  // A point of the plane as a complex number makes a rotation with scaling one number z: q = z p + t. Least squares
  // gives z = sum(conj(p) q) / sum(|p|^2) of the centred points. Umeyama's singular value
  // decomposition with its reflection guard gives the same in two dimensions: z cannot reflect, and both are the only
  // minimum.
  using Point = std::complex<double>;
  constexpr size_t kPoints = std::tuple_size_v<Keypoints> / 2;
  const auto [scale, shift] = PlaceTemplate(size);
  std::array<Point, kPoints> from, to;
  Point from_mean = 0, to_mean = 0;
  for (size_t i = 0; i < kPoints; ++i) {
    from[i] = {keypoints[2 * i], keypoints[2 * i + 1]};
    to[i] = {kTemplate[2 * i] * scale + shift, kTemplate[2 * i + 1] * scale};
    from_mean += from[i];
    to_mean += to[i];
  }
  from_mean /= kPoints;
  to_mean /= kPoints;

  double spread = 0;
  Point correlation = 0;
  for (size_t i = 0; i < kPoints; ++i) {
    spread += std::norm(from[i] - from_mean);
    correlation += std::conj(from[i] - from_mean) * (to[i] - to_mean);
  }
  const Point z = correlation / spread;
  const Point t = to_mean - z * from_mean;
  // Fails for NaN, infinite or equal keypoints, and if no direction is better than another.
  if (!(std::norm(z) > 0 && std::isfinite(std::norm(z)) && std::isfinite(std::norm(t)))) {
    throw Error(ErrorCode::kInvalidArgument,
                "Expected five finite points that spread for keypoints but received ones without an alignment.");
  }
  return {z.real(), -z.imag(), t.real(), z.imag(), z.real(), t.imag()};
}

}  // namespace arc2face
