// Padding a photo: mirrored, blurred, faded.
#include "padding.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "../../vectorised.h"

namespace arc2face {
namespace {

// RGB, float32, row-major.
struct Picture {
  std::vector<float> values;
  size_t width, height;
  size_t row() const { return 3 * width; }
};

// The mirror image of a line's numbers goes on beyond its ends: without the first again, or with it.
size_t MirroredWithout(int64_t at, int64_t length) {
  if (length == 1) return 0;
  const int64_t period = 2 * (length - 1);
  const int64_t within = ((at % period) + period) % period;
  return static_cast<size_t>(within < length ? within : period - within);
}
size_t MirroredWith(int64_t at, int64_t length) {
  const int64_t within = ((at % (2 * length)) + 2 * length) % (2 * length);
  return static_cast<size_t>(within < length ? within : 2 * length - 1 - within);
}

Picture Mirrored(PhotoView photo, const Padding& padding) {
  Picture padded{{},
                 static_cast<size_t>(photo.width + padding.left + padding.right),
                 static_cast<size_t>(photo.height + padding.top + padding.bottom)};
  padded.values.reserve(padded.row() * padded.height);
  for (int64_t y = 0; y < static_cast<int64_t>(padded.height); ++y) {
    const uint8_t* const row =
        photo.data + 3 * static_cast<size_t>(photo.width) * MirroredWithout(y - padding.top, photo.height);
    for (int64_t x = 0; x < static_cast<int64_t>(padded.width); ++x) {
      const uint8_t* const pixel = row + 3 * MirroredWithout(x - padding.left, photo.width);
      padded.values.insert(padded.values.end(), pixel, pixel + 3);
    }
  }
  return padded;
}

std::vector<float> GaussianWeights(double deviation) {
  const int radius = static_cast<int>(4 * deviation + 0.5);
  std::vector<double> weights;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += weights.emplace_back(std::exp(-0.5 * i * i / (deviation * deviation)));
  std::vector<float> normalised;
  for (const double weight : weights) normalised.push_back(static_cast<float>(weight / sum));
  return normalised;
}

ARC2FACE_VECTORISED
void AddWeighted(const float* values, float weight, size_t count, float* sums) {
  for (size_t i = 0; i < count; ++i) sums[i] += weight * values[i];
}

Picture Blurred(const Picture& picture, double deviation) {
  const std::vector<float> weights = GaussianWeights(deviation);
  const auto radius = static_cast<int64_t>(weights.size() / 2);
  const size_t row = picture.row();
  const auto width = static_cast<int64_t>(picture.width), height = static_cast<int64_t>(picture.height);
  Picture down{std::vector<float>(row * picture.height, 0.0f), picture.width, picture.height};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t k = -radius; k <= radius; ++k) {
      AddWeighted(picture.values.data() + row * MirroredWith(y + k, height), weights[static_cast<size_t>(k + radius)],
                  row, down.values.data() + row * static_cast<size_t>(y));
    }
  }
  Picture across{std::vector<float>(row * picture.height, 0.0f), picture.width, picture.height};
  std::vector<float> line(3 * static_cast<size_t>(width + 2 * radius));
  for (size_t y = 0; y < picture.height; ++y) {
    const float* const from = down.values.data() + row * y;
    for (int64_t x = -radius; x < width + radius; ++x) {
      std::copy_n(from + 3 * MirroredWith(x, width), 3, line.data() + 3 * static_cast<size_t>(x + radius));
    }
    for (size_t k = 0; k < weights.size(); ++k) {
      AddWeighted(line.data() + 3 * k, weights[k], row, across.values.data() + row * y);
    }
  }
  return across;
}

// How far out each pixel is: 1 at the edge, 0 where the photo begins, less within it.
class Outwards {
 public:
  Outwards(const Picture& picture, const Padding& padding)
      : width_(static_cast<float>(picture.width)), height_(static_cast<float>(picture.height)), padding_(padding) {}
  float At(size_t x, size_t y) const {
    const float across = Nearest(static_cast<float>(x), width_, padding_.left, padding_.right);
    const float down = Nearest(static_cast<float>(y), height_, padding_.top, padding_.bottom);
    return std::max(1 - across, 1 - down);
  }

 private:
  static float Nearest(float at, float length, int before, int after) {
    return std::min(at / static_cast<float>(before), (length - 1 - at) / static_cast<float>(after));
  }
  float width_, height_;
  Padding padding_;
};

// Moves each value towards another, by the share that `share` tells for its pixel.
template <typename Towards, typename Share>
void Blend(Picture& picture, const Outwards& outwards, const Towards& towards, const Share& share) {
  float* value = picture.values.data();
  for (size_t y = 0; y < picture.height; ++y) {
    for (size_t x = 0; x < picture.width; ++x) {
      const float by = std::clamp(share(outwards.At(x, y)), 0.0f, 1.0f);
      for (size_t c = 0; c < 3; ++c, ++value) *value += (towards(value, c) - *value) * by;
    }
  }
}

float MedianOf(const Picture& picture, size_t channel) {
  std::vector<float> values;
  values.reserve(picture.values.size() / 3);
  for (size_t i = channel; i < picture.values.size(); i += 3) values.push_back(picture.values[i]);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

std::vector<uint8_t> Padded(PhotoView photo, const Padding& padding, double blur) {
  CheckSize("the padded photo", photo.width + padding.left + padding.right,
            photo.height + padding.top + padding.bottom);
  Picture picture = Mirrored(photo, padding);
  const Outwards outwards(picture, padding);
  {
    const Picture blurred = Blurred(picture, blur);
    const float* const first = picture.values.data();
    Blend(
        picture, outwards,
        [&](const float* value, size_t) { return blurred.values[static_cast<size_t>(value - first)]; },
        [](float outward) { return 3 * outward + 1; });
  }
  const float medians[3] = {MedianOf(picture, 0), MedianOf(picture, 1), MedianOf(picture, 2)};
  Blend(picture, outwards, [&](const float*, size_t c) { return medians[c]; }, [](float outward) { return outward; });
  std::vector<uint8_t> rgb(picture.values.size());
  std::transform(picture.values.begin(), picture.values.end(), rgb.begin(),
                 [](float value) { return static_cast<uint8_t>(std::clamp(std::nearbyint(value), 0.0f, 255.0f)); });
  return rgb;
}

}  // namespace arc2face
