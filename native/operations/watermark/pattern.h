// What the watermark is made of: waves in blocks of 16 × 16 pixels, each with a sign. The code's signs repeat every 128
// pixels, the payload's every 256, so that any part of an image has many of each.
//
// A block is WebP's macroblock, and four of JPEG's blocks. The waves are cosines as in theirs (ITU-T T.81, A.3.3), of
// 6 to 11 pixels: quick enough to stand out of what images have, slow enough to be left by WebP and by halving. Of all
// up to 5 cycles in two blocks, these are what was read best after all that benchmarks/watermark does to images.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "watermark.h"

namespace arc2face::watermark {

inline constexpr size_t kBlock = 16;
inline constexpr size_t kBlockPixels = kBlock * kBlock;
// Of each kind, in a block: those of the code come first.
inline constexpr size_t kWaves = 4;
inline constexpr size_t kCodeTile = 128;
inline constexpr size_t kPayloadTile = 256;
inline constexpr size_t kCodeBlocks = (kCodeTile / kBlock) * (kCodeTile / kBlock);
inline constexpr size_t kPayloadBlocks = (kPayloadTile / kBlock) * (kPayloadTile / kBlock);
// A chip is one wave of one block of a tile: chip = block · kWaves + wave.
inline constexpr size_t kCodeChips = kCodeBlocks * kWaves;
inline constexpr size_t kPayloadChips = kPayloadBlocks * kWaves;

// [2 · kWaves][kBlockPixels], each of length 1.
using Waves = std::array<std::array<float, kBlockPixels>, 2 * kWaves>;
const Waves& AllWaves();
// How much a block [kBlockPixels] has of `count` waves.
void Project(const float* block, size_t first_wave, size_t count, float* products);

// 1 or -1 for each chip.
const std::array<float, kCodeChips>& CodeSigns();
// All of the code's waves with their signs: [kCodeTile, kCodeTile].
std::vector<float> CodeTile();
std::array<float, kPayloadChips> PayloadSigns(const WatermarkPayload& payload);

// What chips of a payload say, however weak they are; empty when its checksum is wrong.
std::optional<WatermarkPayload> ReadPayload(const std::array<float, kPayloadChips>& chips);

}  // namespace arc2face::watermark
