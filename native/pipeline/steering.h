// What steers a request's images besides their identities, and the memory of it that rows of batches are conditioned
// on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "../operations/image/ffhq.h"
#include "face_reader.h"
#include "photo_encoder.h"
#include "unet_predictor.h"

namespace arc2face {

struct Steering {
  struct Control {
    Photo image;
    float scale;
  };
  struct Expression {
    std::vector<float> numbers;  // kExpressionSize
    float scale;
  };
  struct Reference {
    Photo photo;
    std::optional<Quad> face = std::nullopt;  // to cut out of it; none: the photo is resized as it is
    // Of its latents, [1 or images, elements]; empty: a draw that is always the same, so that a photo always has the
    // same latents, however many images look like it.
    std::vector<float> noise;
    float scale;
  };
  std::optional<Control> control;
  std::optional<Expression> expression;
  std::optional<Reference> reference;
};

// What requests may ask of a model, as far as its networks go.
struct Abilities {
  bool edit = false, control = false, expression = false, reference = false;
};

// Throws kInvalidArgument for what the model can't do, or a value that does not fit, and kInvalidImage.
void Check(const Steering& steering, const Abilities& can, size_t images, size_t elements);

// The photos of what steers a request, as its images see them: both are replaced by one of their size. On the host.
void FitPhotos(Steering& steering, int width, int height);

// A request's, in device memory. On the thread of the predictor's stream.
class SteeringMemory {
 public:
  // `latents`: of the reference, empty if there is none.
  SteeringMemory(Device& device, Stream& stream, UNetPredictor& predictor, const Steering& steering, Posterior latents,
                 const LatentSize& size);

  // The conditioning of an image's row: of its identity, whose text conditioning is `text`. Keeps both in memory.
  // Evaluates the UNet for the first image of an identity that is to look like a reference.
  RowConditioning Conditional(size_t image, uint32_t identity, const std::byte* text, Interrupt& interrupt);
  // That of the halves without an identity.
  RowConditioning Unconditional(const std::byte* text) const;

 private:
  const ReferenceBank& BankFor(size_t image, uint32_t identity, const std::byte* text, Interrupt& interrupt);

  Device& device_;
  Stream& stream_;
  UNetPredictor& predictor_;
  LatentSize size_;
  NetworkBuffer control_;              // image; empty: none
  DeviceBuffer<float> expression_;     // empty: none
  DeviceBuffer<Strengths> strengths_;  // of rows with an identity, then of those without
  Posterior latents_;
  std::vector<float> noise_;
  // By identity and number of the noise: those of several images are one.
  std::map<std::pair<uint32_t, size_t>, std::unique_ptr<ReferenceBank>> banks_;
};

}  // namespace arc2face
