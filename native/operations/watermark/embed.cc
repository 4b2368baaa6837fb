// Writing the watermark. The image itself is noise to its reader, and known here: each block writes all of its waves
// but those whose chips the image, with what is written so far, says most strongly (dirty paper: Costa 1983). Many weak
// waves, rather than few strong ones, are read better after JPEG and WebP, and seen less.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "../../vectorised.h"
#include "pattern.h"
#include "watermark.h"
#include "whiten.h"

namespace arc2face {

namespace {

using namespace watermark;

// Levels of a wave of length 1, of which n in a block have a mean square of n (levels / 16)²: in flat parts, more for
// each level of detail, and at most.
constexpr float kFlat = 7.2f;
constexpr float kPerDetail = 6;
constexpr float kMost = 16;
// Pixels of a block's parts, along a side.
constexpr size_t kPart = 4;
// Mean square of the difference, before rounding: 42.3 dB. Where it would be more, the strongest are weakened.
constexpr double kMostMeanSquare = 3.8;

// How many waves of each kind a block writes, and how strong those of the code are. Without a payload, everything is.
struct Share {
  size_t code, payload;
  float code_factor;
};
constexpr Share kWithPayload{.code = 3, .payload = 4, .code_factor = 0.75f};
constexpr Share kCodeAlone{.code = 4, .payload = 0, .code_factor = 2};

// Of a block of a whitened image.
std::array<float, 2 * kWaves> ProductsAt(const Whitened& image, size_t at) {
  std::array<float, kBlockPixels> block;
  for (size_t y = 0; y < kBlock; ++y) {
    const size_t row = at + y * image.width;
    for (size_t x = 0; x < kBlock; ++x) block[y * kBlock + x] = image.detail[row + x] * image.gain[row + x];
  }
  std::array<float, 2 * kWaves> products;
  Project(block.data(), 0, products.size(), products.data());
  return products;
}

ARC2FACE_VECTORISED
void AddWave(const float* wave, float factor, float* to, size_t width) {
  for (size_t y = 0; y < kBlock; ++y) {
    for (size_t x = 0; x < kBlock; ++x) to[y * width + x] += factor * wave[y * kBlock + x];
  }
}

// What whitening leaves of each wave in a block alone.
std::array<float, 2 * kWaves> MakeLeft() {
  constexpr size_t kSide = 3 * kBlock;
  std::array<float, 2 * kWaves> left;
  for (size_t wave = 0; wave < left.size(); ++wave) {
    std::vector<float> plane(kSide * kSide);
    AddWave(AllWaves()[wave].data(), 1, plane.data() + (kSide + 1) * kBlock, kSide);
    const std::vector<float> detail = DetailOf(plane, kSide, kSide, kUnscaled);
    left[wave] = std::inner_product(plane.begin(), plane.end(), detail.begin(), 0.0f);
  }
  return left;
}

// Levels that a block's waves may have: by the least detailed of its parts, so that nothing shows beside an edge.
float StrengthAt(const float* detail, size_t width) {
  float least = INFINITY;
  for (size_t top = 0; top < kBlock; top += kPart) {
    for (size_t left = 0; left < kBlock; left += kPart) {
      float sum = 0;
      for (size_t y = top; y < top + kPart; ++y) {
        for (size_t x = left; x < left + kPart; ++x) sum += detail[y * width + x] * detail[y * width + x];
      }
      least = std::min(least, sum);
    }
  }
  return std::min(kFlat + kPerDetail * std::sqrt(least / (kPart * kPart)), kMost);
}

// Of each block.
std::vector<float> Strengths(const Whitened& image, float waves) {
  std::vector<float> strengths;
  for (size_t row = 0; row < image.height / kBlock; ++row) {
    for (size_t column = 0; column < image.width / kBlock; ++column) {
      strengths.push_back(StrengthAt(image.detail.data() + (row * image.width + column) * kBlock, image.width));
    }
  }
  const double most = kMostMeanSquare * static_cast<double>(image.detail.size()) / static_cast<double>(waves);
  const auto sum_below = [&](float limit) {
    double sum = 0;
    for (const float one : strengths) sum += static_cast<double>(std::min(one, limit) * std::min(one, limit));
    return sum;
  };
  if (sum_below(INFINITY) <= most) return strengths;
  float low = 0, high = *std::max_element(strengths.begin(), strengths.end());
  for (int i = 0; i < 20; ++i) (sum_below((low + high) / 2) > most ? high : low) = (low + high) / 2;
  for (float& one : strengths) one = std::min(one, low);
  return strengths;
}

// How strongly an image says each chip: below 0, the opposite.
struct Chips {
  std::array<float, kCodeChips> code;
  std::array<float, kPayloadChips> payload;
};

// The first chips of a block of a tile.
size_t FirstChip(size_t row, size_t column, size_t tile) {
  const size_t blocks = tile / kBlock;
  return ((row % blocks) * blocks + column % blocks) * kWaves;
}

// Writes the `count` weakest of a block's chips of one kind.
void Write(size_t count, float* chips, const float* signs, const float* raises, size_t first_wave, float strength,
           float* mark, size_t width) {
  std::array<bool, kWaves> written{};
  for (size_t i = 0; i < count; ++i) {
    size_t weakest = kWaves;
    for (size_t wave = 0; wave < kWaves; ++wave) {
      if (!written[wave] && (weakest == kWaves || chips[wave] < chips[weakest])) weakest = wave;
    }
    written[weakest] = true;
    chips[weakest] += raises[weakest];
    AddWave(AllWaves()[first_wave + weakest].data(), strength * signs[weakest], mark, width);
  }
}

std::vector<float> MarkFor(const Whitened& image, const WatermarkPayload& payload) {
  static const std::array<float, 2 * kWaves> left = MakeLeft();
  const bool has_payload = std::min(image.width, image.height) >= static_cast<size_t>(kWatermarkPayloadSide);
  const Share share = has_payload ? kWithPayload : kCodeAlone;
  const auto& code_signs = CodeSigns();
  const auto payload_signs = PayloadSigns(payload);
  const size_t rows = image.height / kBlock, columns = image.width / kBlock;
  const auto at = [&](size_t row, size_t column) { return (row * image.width + column) * kBlock; };

  Chips chips{};
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const std::array products = ProductsAt(image, at(row, column));
      const size_t code = FirstChip(row, column, kCodeTile), bits = FirstChip(row, column, kPayloadTile);
      for (size_t wave = 0; wave < kWaves; ++wave) {
        chips.code[code + wave] += code_signs[code + wave] * products[wave];
        chips.payload[bits + wave] += payload_signs[bits + wave] * products[kWaves + wave];
      }
    }
  }

  const float waves =
      static_cast<float>(share.code) * share.code_factor * share.code_factor + static_cast<float>(share.payload);
  const std::vector<float> strengths = Strengths(image, waves);
  std::vector<float> mark(image.detail.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const float strength = strengths[row * columns + column];
      const float gain = image.gain[at(row, column) + (image.width + 1) * (kBlock / 2)];
      float raises[2 * kWaves];
      const float of_code = share.code_factor * strength;
      for (size_t wave = 0; wave < 2 * kWaves; ++wave)
        raises[wave] = (wave < kWaves ? of_code : strength) * gain * left[wave];
      const size_t code = FirstChip(row, column, kCodeTile), bits = FirstChip(row, column, kPayloadTile);
      float* const block = mark.data() + at(row, column);
      Write(share.code, &chips.code[code], &code_signs[code], raises, 0, of_code, block, image.width);
      Write(share.payload, &chips.payload[bits], &payload_signs[bits], raises + kWaves, kWaves, strength, block,
            image.width);
    }
  }
  return mark;
}

// All channels alike: luminance changes, colour does not.
ARC2FACE_VECTORISED
void Add(const uint8_t* rgb, const float* mark, size_t pixels, uint8_t* marked) {
  for (size_t i = 0; i < pixels; ++i) {
    const float more = mark[i] + 0.5f;
    for (size_t c = 0; c < 3; ++c) {
      const float level = static_cast<float>(rgb[3 * i + c]) + more;
      marked[3 * i + c] = static_cast<uint8_t>(std::min(std::max(level, 0.0f), 255.0f));
    }
  }
}

}  // namespace

std::vector<uint8_t> EmbedWatermark(PhotoView image, const WatermarkPayload& payload) {
  CheckSize("an image to mark", image.width, image.height);
  const std::vector<float> mark = MarkFor(Whiten(image, kUnscaled), payload);
  std::vector<uint8_t> marked(3 * mark.size());
  Add(image.data, mark.data(), mark.size(), marked.data());
  return marked;
}

}  // namespace arc2face
