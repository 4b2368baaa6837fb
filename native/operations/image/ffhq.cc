// Cutting a face out of a photo: the cut, its padding, and sampling it.
#include "ffhq.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "../../error.h"
#include "lanczos.h"
#include "padding.h"

namespace arc2face {
namespace {

// Upstream's transform_size.
constexpr int kSamples = 4096;
// Rows sampled at a time, so that memory holds a strip of the enlarged face and not the whole.
constexpr int kStrip = 64;

struct Bounds {
  double left, top, right, bottom;
};

Bounds BoundsOf(const Quad& quad) {
  const auto [left, right] = std::minmax({quad[0], quad[2], quad[4], quad[6]});
  const auto [top, bottom] = std::minmax({quad[1], quad[3], quad[5], quad[7]});
  return {std::floor(left), std::floor(top), std::ceil(right), std::ceil(bottom)};
}

Quad Moved(Quad quad, double x, double y) {
  for (size_t i = 0; i < quad.size(); i += 2) {
    quad[i] += x;
    quad[i + 1] += y;
  }
  return quad;
}

std::vector<uint8_t> Cropped(PhotoView photo, int left, int top, int width, int height) {
  std::vector<uint8_t> rgb(3 * static_cast<size_t>(width) * static_cast<size_t>(height));
  const size_t row = 3 * static_cast<size_t>(width);
  for (int y = 0; y < height; ++y) {
    const size_t from =
        3 * (static_cast<size_t>(top + y) * static_cast<size_t>(photo.width) + static_cast<size_t>(left));
    std::memcpy(rgb.data() + static_cast<size_t>(y) * row, photo.data + from, row);
  }
  return rgb;
}

void CheckQuad(PhotoView photo, const Quad& quad, double side) {
  const bool finite = std::all_of(quad.begin(), quad.end(), [](double value) { return std::isfinite(value); });
  const Bounds bounds = finite ? BoundsOf(quad) : Bounds{};
  if (finite && side >= 4 && side <= 4.0 * kMaxSide && bounds.right > 0 && bounds.bottom > 0 &&
      bounds.left < photo.width && bounds.top < photo.height) {
    return;
  }
  throw Error(ErrorCode::kInvalidArgument, "Expected the eyes and the mouth of a face within the photo.");
}

// Pillow's bilinear sample at a place whose whole numbers are pixels' corners; truncated, 0 outside of the photo.
void Sample(PhotoView photo, double x, double y, uint8_t* rgb) {
  if (!(x >= 0 && x < photo.width && y >= 0 && y < photo.height)) {
    std::fill_n(rgb, 3, uint8_t{0});
    return;
  }
  // One is added because conversion rounds towards 0, and the place may be half a pixel before the first.
  const int left = static_cast<int>(x + 0.5) - 1, top = static_cast<int>(y + 0.5) - 1;
  const double dx = x - 0.5 - left, dy = y - 0.5 - top;
  const size_t row = 3 * static_cast<size_t>(photo.width);
  const size_t x0 = 3 * static_cast<size_t>(std::max(left, 0));
  const size_t x1 = 3 * static_cast<size_t>(std::min(left + 1, photo.width - 1));
  const uint8_t* const above = photo.data + row * static_cast<size_t>(std::max(top, 0));
  const uint8_t* const below = photo.data + row * static_cast<size_t>(std::min(top + 1, photo.height - 1));
  for (size_t c = 0; c < 3; ++c) {
    const double first = above[x0 + c] + (above[x1 + c] - above[x0 + c]) * dx;
    const double second = below[x0 + c] + (below[x1 + c] - below[x0 + c]) * dx;
    rgb[c] = static_cast<uint8_t>(first + (second - first) * dy);
  }
}

}  // namespace

PreparedFace PrepareFace(PhotoView photo, const Quad& given, int output, bool pad) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the face", output, output);
  Quad quad = given;
  double side = std::hypot(quad[6] - quad[0], quad[7] - quad[1]);
  CheckQuad(photo, quad, side);

  std::vector<uint8_t> shrunk;
  if (const double factor = std::floor(side / output * 0.5); factor > 1) {
    const auto shrink = [&](int length) { return std::max(1, static_cast<int>(std::nearbyint(length / factor))); };
    const int width = shrink(photo.width), height = shrink(photo.height);
    shrunk = ResizeLanczos(photo, width, height);
    photo = {shrunk.data(), width, height};
    for (double& value : quad) value /= factor;
    side /= factor;
  }

  const int border = std::max(static_cast<int>(std::nearbyint(side * 0.1)), 3);
  Bounds bounds = BoundsOf(quad);
  const int left = static_cast<int>(std::max(bounds.left - border, 0.0));
  const int top = static_cast<int>(std::max(bounds.top - border, 0.0));
  const int right = static_cast<int>(std::min<double>(bounds.right + border, photo.width));
  const int bottom = static_cast<int>(std::min<double>(bounds.bottom + border, photo.height));
  PreparedFace face{Cropped(photo, left, top, right - left, bottom - top), right - left, bottom - top,
                    Moved(quad, -left, -top)};
  if (!pad) return face;

  bounds = BoundsOf(face.quad);
  const auto lacks = [&](double length) { return static_cast<int>(std::max(length + border, 0.0)); };
  Padding padding{lacks(-bounds.left), lacks(-bounds.top), lacks(bounds.right - face.width),
                  lacks(bounds.bottom - face.height)};
  if (std::max({padding.left, padding.top, padding.right, padding.bottom}) <= border - 4) return face;
  for (int* const length : {&padding.left, &padding.top, &padding.right, &padding.bottom}) {
    *length = std::max(*length, static_cast<int>(std::nearbyint(side * 0.3)));
  }
  face.rgb = Padded({face.rgb.data(), face.width, face.height}, padding, side * 0.02);
  face.width += padding.left + padding.right;
  face.height += padding.top + padding.bottom;
  face.quad = Moved(face.quad, padding.left, padding.top);
  return face;
}

std::vector<uint8_t> SampleQuad(PhotoView photo, const Quad& quad, int output, int samples) {
  // Pillow's quad transform, of corners that mean pixels' corners.
  const auto coefficients = [&](size_t axis) {
    const double nw = quad[axis] + 0.5, sw = quad[2 + axis] + 0.5, se = quad[4 + axis] + 0.5, ne = quad[6 + axis] + 0.5;
    return std::array{nw, (ne - nw) / samples, (sw - nw) / samples, (se - sw - ne + nw) / samples / samples};
  };
  const auto x_of = coefficients(0), y_of = coefficients(1);
  std::vector<uint8_t> narrow;
  narrow.reserve(3 * static_cast<size_t>(output) * static_cast<size_t>(samples));
  std::vector<uint8_t> strip(3 * static_cast<size_t>(samples) * kStrip);
  for (int first = 0; first < samples; first += kStrip) {
    const int rows = std::min(kStrip, samples - first);
    uint8_t* to = strip.data();
    for (int row = 0; row < rows; ++row) {
      const double v = first + row + 0.5;
      for (int column = 0; column < samples; ++column, to += 3) {
        const double u = column + 0.5;
        Sample(photo, x_of[0] + x_of[1] * u + x_of[2] * v + x_of[3] * u * v,
               y_of[0] + y_of[1] * u + y_of[2] * v + y_of[3] * u * v, to);
      }
    }
    const std::vector<uint8_t> reduced = ResizeLanczos({strip.data(), samples, rows}, output, rows);
    narrow.insert(narrow.end(), reduced.begin(), reduced.end());
  }
  return ResizeLanczos({narrow.data(), output, samples}, output, output);
}

std::vector<uint8_t> CutOutFace(PhotoView photo, const Quad& quad, int output) {
  const PreparedFace face = PrepareFace(photo, quad, output);
  return SampleQuad({face.rgb.data(), face.width, face.height}, face.quad, output, std::max(kSamples, output));
}

}  // namespace arc2face
