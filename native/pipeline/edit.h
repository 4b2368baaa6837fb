// Image-to-image and inpainting: what images begin as, instead of noise alone, and what of it is kept. Draws of random
// numbers come in the order of diffusers' StableDiffusionImg2ImgPipeline and StableDiffusionInpaintPipeline.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../operations/diffusion/noise_source.h"
#include "face_reader.h"
#include "image_painter.h"
#include "photo_encoder.h"

namespace arc2face {

// Photos and masks are resized to the image.
struct Edit {
  std::vector<Photo> photos;
  std::vector<Photo> masks;              // none, one for all photos, or one for each; white is painted
  std::vector<uint32_t> photo_of_image;  // [images]
  bool overlay = false;                  // put the kept pixels back over the painted image
  // With a generator for each image: the posteriors of photos are drawn once, by the first generators, as diffusers'
  // inpainting does; else each image has its own.
  bool draws_once = false;
};

// `drawn_for`: the images that generators draw for, of which these may be some. Throws kInvalidArgument or
// kInvalidImage.
void Check(const Edit& edit, size_t images, size_t drawn_for);

// A photo and its mask at the image's size, to lay over it.
struct Overlay {
  std::vector<uint8_t> rgb;
  std::vector<uint8_t> mask;
};

// An edit, ready to be denoised: all [images, elements].
struct EditStart {
  std::vector<float> photos;  // latents
  std::vector<float> noise;
  std::vector<float> masks;       // or empty
  std::vector<Overlay> overlays;  // of each photo, if the edit has one
};

// Reads the photos of `edit`; `noise` has not been drawn from.
EditStart StartEdit(const Edit& edit, PhotoEncoder& encoder, NoiseSource& noise, const LatentSize& size,
                    int64_t pixels_per_latent, Interrupt& interrupt);

// The photo where the mask is black, the image where it is white, and both in between.
void Lay(const Overlay& overlay, Image& image);

}  // namespace arc2face
