// The watermark's waves and signs. A byte of the payload is one of the 256 words of the first-order Reed-Muller code of
// length 128 (MacWilliams, Sloane 1977, The Theory of Error-Correcting Codes, chapter 13): any two differ in 64 signs
// or all, and a fast Hadamard transform compares with all of them. Six bytes and a checksum of two.
#include "pattern.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "../../vectorised.h"

namespace arc2face::watermark {

namespace {

constexpr size_t kWord = 128;
constexpr size_t kWords = kPayloadChips / kWord;
static_assert(kWords == kWatermarkBytes + 2);

// Cycles in two blocks, down and across.
constexpr std::pair<int, int> kFrequencies[2 * kWaves] = {{3, 2}, {1, 3}, {5, 0}, {0, 5},
                                                          {3, 0}, {0, 3}, {3, 1}, {2, 3}};

// Splitmix64 (Steele, Lea, Flood 2014, Fast Splittable Pseudorandom Number Generators).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  float Sign() { return Next() >> 63 ? -1.0f : 1.0f; }

 private:
  uint64_t state_;
};

// "Arc2Face" in ASCII, and the next number: nobody chose them to suit an image.
constexpr uint64_t kSeed = 0x4172633246616365;

Waves MakeWaves() {
  Waves waves;
  const auto cosine = [](size_t at, int frequency) {
    const double length = frequency == 0 ? 1.0 / kBlock : 2.0 / kBlock;
    return std::sqrt(length) * std::cos(std::numbers::pi * (static_cast<double>(at) + 0.5) * frequency / kBlock);
  };
  for (size_t wave = 0; wave < waves.size(); ++wave) {
    const auto [down, across] = kFrequencies[wave];
    for (size_t i = 0; i < kBlockPixels; ++i) {
      waves[wave][i] = static_cast<float>(cosine(i / kBlock, down) * cosine(i % kBlock, across));
    }
  }
  return waves;
}

std::array<float, kCodeChips> MakeCodeSigns() {
  Random random(kSeed);
  std::array<float, kCodeChips> signs;
  std::generate(signs.begin(), signs.end(), [&] { return random.Sign(); });
  return signs;
}

// Where each sign of the payload's words goes, and what it is multiplied with: words are spread over the tile.
struct Scrambling {
  std::array<size_t, kPayloadChips> places;
  std::array<float, kPayloadChips> signs;
};

const Scrambling& TheScrambling() {
  static const Scrambling scrambling = [] {
    Scrambling made;
    Random random(kSeed + 1);
    std::iota(made.places.begin(), made.places.end(), size_t{0});
    for (size_t i = kPayloadChips - 1; i > 0; --i) std::swap(made.places[i], made.places[random.Next() % (i + 1)]);
    std::generate(made.signs.begin(), made.signs.end(), [&] { return random.Sign(); });
    return made;
  }();
  return scrambling;
}

// CRC-16/CCITT (ITU-T V.41's polynomial), from 0xffff.
uint16_t Checksum(const WatermarkPayload& payload) {
  uint32_t rest = 0xffff;
  for (const uint8_t byte : payload) {
    rest ^= static_cast<uint32_t>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) rest = (rest << 1) ^ (rest & 0x8000 ? 0x11021 : 0);
  }
  return static_cast<uint16_t>(rest);
}

// The byte whose word is most like these signs: bit 7 is the word's sign, the others are its row of the transform.
uint8_t NearestByte(std::array<float, kWord> word) {
  for (size_t half = 1; half < kWord; half *= 2) {
    for (size_t i = 0; i < kWord; ++i) {
      if (i & half) continue;
      const float a = word[i], b = word[i + half];
      word[i] = a + b;
      word[i + half] = a - b;
    }
  }
  const auto largest =
      std::max_element(word.begin(), word.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
  return static_cast<uint8_t>((largest - word.begin()) | (*largest < 0 ? 0x80 : 0));
}

// Sums of a column each, so that they are vectors.
ARC2FACE_VECTORISED
void Multiply(const float* waves, const float* block, size_t count, float* products) {
  for (size_t wave = 0; wave < count; ++wave) {
    float sums[kBlock] = {};
    for (size_t y = 0; y < kBlock; ++y) {
      for (size_t x = 0; x < kBlock; ++x)
        sums[x] += waves[wave * kBlockPixels + y * kBlock + x] * block[y * kBlock + x];
    }
    float sum = 0;
    for (const float one : sums) sum += one;
    products[wave] = sum;
  }
}

}  // namespace

const Waves& AllWaves() {
  static const Waves waves = MakeWaves();
  return waves;
}

void Project(const float* block, size_t first_wave, size_t count, float* products) {
  Multiply(AllWaves()[first_wave].data(), block, count, products);
}

const std::array<float, kCodeChips>& CodeSigns() {
  static const std::array<float, kCodeChips> signs = MakeCodeSigns();
  return signs;
}

std::vector<float> CodeTile() {
  std::vector<float> tile(kCodeTile * kCodeTile);
  for (size_t y = 0; y < kCodeTile; ++y) {
    for (size_t x = 0; x < kCodeTile; ++x) {
      const size_t block = y / kBlock * (kCodeTile / kBlock) + x / kBlock, pixel = y % kBlock * kBlock + x % kBlock;
      for (size_t wave = 0; wave < kWaves; ++wave) {
        tile[y * kCodeTile + x] += CodeSigns()[block * kWaves + wave] * AllWaves()[wave][pixel];
      }
    }
  }
  return tile;
}

std::array<float, kPayloadChips> PayloadSigns(const WatermarkPayload& payload) {
  std::array<uint8_t, kWords> bytes;
  std::copy(payload.begin(), payload.end(), bytes.begin());
  const uint16_t checksum = Checksum(payload);
  bytes[kWatermarkBytes] = static_cast<uint8_t>(checksum >> 8);
  bytes[kWatermarkBytes + 1] = static_cast<uint8_t>(checksum);
  std::array<float, kPayloadChips> signs;
  for (size_t i = 0; i < kPayloadChips; ++i) {
    const unsigned byte = bytes[i / kWord];
    const bool negative = (std::popcount(byte & 0x7f & static_cast<unsigned>(i % kWord)) + (byte >> 7)) & 1;
    signs[TheScrambling().places[i]] = negative ? -TheScrambling().signs[i] : TheScrambling().signs[i];
  }
  return signs;
}

std::optional<WatermarkPayload> ReadPayload(const std::array<float, kPayloadChips>& chips) {
  std::array<uint8_t, kWords> bytes;
  for (size_t word = 0; word < kWords; ++word) {
    std::array<float, kWord> signs;
    for (size_t i = 0; i < kWord; ++i) {
      const size_t at = word * kWord + i;
      signs[i] = chips[TheScrambling().places[at]] * TheScrambling().signs[at];
    }
    bytes[word] = NearestByte(signs);
  }
  WatermarkPayload payload;
  std::copy_n(bytes.begin(), payload.size(), payload.begin());
  const unsigned checksum = static_cast<unsigned>(bytes[kWatermarkBytes] << 8) | bytes[kWatermarkBytes + 1];
  if (checksum != Checksum(payload)) return std::nullopt;
  return payload;
}

}  // namespace arc2face::watermark
