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
enum class Part : uint8_t {
  kReadingFaces,
  kPainting,
  kVae,
  kTinyAutoencoder,
  kReadingImages,
  kControl,
  kFeatures,
  kDistance
};
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
// On the lane of photos, so that some images are judged while others are painted.
inline constexpr NetworkRow kInception{"inception", Part::kFeatures, Lane::kFaces};  // models/evaluation/inception.ts
inline constexpr NetworkRow kLpips{"lpips", Part::kDistance, Lane::kFaces};          // models/evaluation/lpips.ts
// On the decoder's lane: of images, it has as much to do, and what both compute in is shared.
inline constexpr NetworkRow kVaeEncoder{"vaeEncoder", Part::kReadingImages, Lane::kPainting};  // models/vae.ts
inline constexpr NetworkRow kControlNet{"controlNet", Part::kControl, Lane::kDenoising};       // models/controlnet.ts
}  // namespace networks

// In the order in which they are loaded: last the one whose memory the caller can choose, by its batch sizes, so that
// what is free then is what it may have.
inline constexpr std::array kNetworks = {
    networks::kDetector,   networks::kRecognizer,  networks::kInception,  networks::kLpips,      networks::kTextEncoder,
    networks::kVaeDecoder, networks::kTinyDecoder, networks::kVaeEncoder, networks::kControlNet, networks::kUnet};

// Null when there is none.
const NetworkSource* Find(const std::vector<NetworkSource>& sources, const NetworkRow& row);

// Whether the model is to paint: it has more than the networks that judge images.
bool Paints(const std::vector<NetworkSource>& sources);

// Throws kInvalidArgument, naming what is missing, unless every part that is needed or begun is complete, and one of
// the two decoders is there. A model that does not paint needs neither.
void CheckComplete(const std::vector<NetworkSource>& sources);

}  // namespace arc2face
