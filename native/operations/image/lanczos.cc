// Resizing by Pillow's rule: https://github.com/python-pillow/Pillow/blob/11.0.0/src/libImaging/Resample.c
#include "lanczos.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "../../vectorised.h"

namespace arc2face {
namespace {

constexpr double kSupport = 3;          // of the filter, in pixels of the smaller of the two photos
constexpr int kPrecision = 32 - 8 - 2;  // bits of a weight's fraction; a sum of bytes times weights fits 32 bits

// The pixels that one of the resized side's pixels is a weighted sum of.
struct Window {
  int first;
  std::vector<int32_t> weights;
};

double Sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }
double Lanczos(double x) { return -kSupport <= x && x < kSupport ? Sinc(x) * Sinc(x / kSupport) : 0; }

std::vector<Window> WindowsOf(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double spread = std::max(scale, 1.0);
  const double reach = kSupport * spread;
  std::vector<Window> windows(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - reach + 0.5), 0);
    const int end = std::min(static_cast<int>(centre + reach + 0.5), from);
    std::vector<double> weights;
    double sum = 0;
    for (int x = first; x < end; ++x) sum += weights.emplace_back(Lanczos((x - centre + 0.5) * (1 / spread)));
    windows[static_cast<size_t>(i)].first = first;
    for (const double weight : weights) {
      const double scaled = weight / sum * (1 << kPrecision);
      windows[static_cast<size_t>(i)].weights.push_back(static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return windows;
}

constexpr int32_t kHalf = 1 << (kPrecision - 1);
uint8_t ToByte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

ARC2FACE_VECTORISED
void AddWeighted(const uint8_t* bytes, int32_t weight, size_t count, int32_t* sums) {
  for (size_t i = 0; i < count; ++i) sums[i] += bytes[i] * weight;
}

std::vector<uint8_t> ResizeColumns(PhotoView photo, int width) {
  const std::vector<Window> windows = WindowsOf(photo.width, width);
  std::vector<uint8_t> resized(3 * windows.size() * static_cast<size_t>(photo.height));
  uint8_t* to = resized.data();
  for (int y = 0; y < photo.height; ++y) {
    const uint8_t* const row = photo.data + 3 * static_cast<size_t>(y) * static_cast<size_t>(photo.width);
    for (const Window& window : windows) {
      int32_t sums[3] = {kHalf, kHalf, kHalf};
      const uint8_t* pixel = row + 3 * static_cast<size_t>(window.first);
      for (const int32_t weight : window.weights) {
        for (int32_t& sum : sums) sum += *pixel++ * weight;
      }
      for (const int32_t sum : sums) *to++ = ToByte(sum);
    }
  }
  return resized;
}

std::vector<uint8_t> ResizeRows(PhotoView photo, int height) {
  const size_t row_bytes = 3 * static_cast<size_t>(photo.width);
  std::vector<uint8_t> resized;
  resized.reserve(row_bytes * static_cast<size_t>(height));
  std::vector<int32_t> sums(row_bytes);
  for (const Window& window : WindowsOf(photo.height, height)) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const uint8_t* row = photo.data + static_cast<size_t>(window.first) * row_bytes;
    for (const int32_t weight : window.weights) {
      AddWeighted(row, weight, row_bytes, sums.data());
      row += row_bytes;
    }
    for (const int32_t sum : sums) resized.push_back(ToByte(sum));
  }
  return resized;
}

}  // namespace

std::vector<uint8_t> ResizeLanczos(PhotoView photo, int width, int height) {
  CheckSize("the photo", photo.width, photo.height);
  CheckSize("the resized photo", width, height);
  std::vector<uint8_t> resized;
  if (photo.width != width) {
    resized = ResizeColumns(photo, width);
    photo = {resized.data(), width, photo.height};
  }
  if (photo.height != height) return ResizeRows(photo, height);
  if (!resized.empty()) return resized;
  return {photo.data, photo.data + 3 * CheckedPixels(height, width)};
}

}  // namespace arc2face
