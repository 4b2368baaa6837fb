// The table of a model's networks, as binding, loading and pipeline know them. lib/bundle/ has the table of
// their files; a test compares the two.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "../provider/provider.h"
#include "executor.h"

namespace arc2face {

// The joint tasks of networks: those of one part are all there, or none is.
enum class Part : uint8_t { kReadingFaces, kPainting, kVae, kTinyAutoencoder, kReadingImages, kControl };
constexpr bool IsNeeded(Part part) { return part == Part::kPainting; }

struct NetworkRow {
  const char* name;  // NetworkSource::name
  Part part;
  Lane lane;  // where it runs
};

namespace networks {
inline constexpr NetworkRow kDetector{"detector", Part::kReadingFaces, Lane::kFaces};        // SCRFD
inline constexpr NetworkRow kRecognizer{"recognizer", Part::kReadingFaces, Lane::kFaces};    // ArcFace
inline constexpr NetworkRow kTextEncoder{"textEncoder", Part::kPainting, Lane::kDenoising};  // models/text-encoder.ts
inline constexpr NetworkRow kUnet{"unet", Part::kPainting, Lane::kDenoising};                // models/unet.ts
inline constexpr NetworkRow kVaeDecoder{"vaeDecoder", Part::kVae, Lane::kPainting};          // models/vae.ts
inline constexpr NetworkRow kTinyDecoder{"tinyDecoder", Part::kTinyAutoencoder,
                                         Lane::kPainting};  // models/tiny-autoencoder.ts
// On the decoder's lane: of images, it has as much to do, and what both compute in is shared.
inline constexpr NetworkRow kVaeEncoder{"vaeEncoder", Part::kReadingImages, Lane::kPainting};  // models/vae.ts
inline constexpr NetworkRow kControlNet{"controlNet", Part::kControl, Lane::kDenoising};       // models/controlnet.ts
}  // namespace networks

// In the order in which they are loaded: last the one whose memory the caller can choose, by its batch sizes, so that
// what is free then is what it may have.
inline constexpr std::array kNetworks = {networks::kDetector,   networks::kRecognizer,  networks::kTextEncoder,
                                         networks::kVaeDecoder, networks::kTinyDecoder, networks::kVaeEncoder,
                                         networks::kControlNet, networks::kUnet};

// Null when there is none.
const NetworkSource* Find(const std::vector<NetworkSource>& sources, const NetworkRow& row);

// Throws kInvalidArgument, naming what is missing, unless every part that is needed or begun is complete, and one of
// the two decoders is there.
void CheckComplete(const std::vector<NetworkSource>& sources);

}  // namespace arc2face
