// What images begin as, and what of it is kept.
#include "edit.h"

#include <algorithm>
#include <string>

#include "../error.h"
#include "../operations/image/lanczos.h"

namespace arc2face {

namespace {

[[noreturn]] void Refuse(const std::string& what) { throw Error(ErrorCode::kInvalidArgument, what); }

const Photo& MaskOf(const Edit& edit, size_t photo) { return edit.masks[edit.masks.size() == 1 ? 0 : photo]; }

// A photo as images see it.
struct ReadPhoto {
  Posterior posterior;
  std::vector<float> mask;  // of its latents, or empty
};

std::vector<uint8_t> Resized(const Photo& photo, int width, int height) {
  return ResizeLanczos({photo.data.get(), photo.width, photo.height}, width, height);
}

// Pillow's levels of grey (ITU-R 601-2): what is grey stays as it is.
std::vector<uint8_t> Grey(const std::vector<uint8_t>& rgb) {
  std::vector<uint8_t> levels;
  levels.reserve(rgb.size() / 3);
  for (size_t i = 0; i + 2 < rgb.size(); i += 3) {
    levels.push_back(static_cast<uint8_t>((rgb[i] * 19595 + rgb[i + 1] * 38470 + rgb[i + 2] * 7471 + 0x8000) >> 16));
  }
  return levels;
}

// diffusers takes the mask's level at the first pixel of each latent, white from 128 on.
std::vector<float> LatentMask(const std::vector<uint8_t>& mask, const LatentSize& size, int64_t pixels_per_latent) {
  std::vector<float> latents;
  latents.reserve(size.elements());
  const int64_t row = size.width * pixels_per_latent;
  for (int64_t c = 0; c < size.channels; ++c) {
    for (int64_t y = 0; y < size.height; ++y) {
      for (int64_t x = 0; x < size.width; ++x) {
        latents.push_back(mask[static_cast<size_t>((y * row + x) * pixels_per_latent)] >= 128 ? 1.0f : 0.0f);
      }
    }
  }
  return latents;
}

}  // namespace

void Check(const Edit& edit, size_t images, size_t drawn_for) {
  const size_t photos = edit.photos.size();
  if (photos == 0 || photos > drawn_for) Refuse("Expected a photo, or one for each identity, for edit.");
  if (edit.photo_of_image.size() != images ||
      std::any_of(edit.photo_of_image.begin(), edit.photo_of_image.end(), [&](uint32_t at) { return at >= photos; })) {
    Refuse("Expected photoOfImage to count the " + std::to_string(photos) + " photos from 0, for each image.");
  }
  if (edit.masks.size() > 1 && edit.masks.size() != photos) Refuse("Expected a mask, or one for each photo, for edit.");
  if (edit.overlay && edit.masks.empty()) Refuse("Expected a mask for an overlay.");
  for (const auto* pictures : {&edit.photos, &edit.masks}) {
    for (const Photo& one : *pictures) CheckPhotoSize(one.width, one.height);
  }
}

EditStart StartEdit(const Edit& edit, PhotoEncoder& encoder, NoiseSource& noise, const LatentSize& size,
                    int64_t pixels_per_latent, Interrupt& interrupt) {
  const int width = static_cast<int>(size.width * pixels_per_latent);
  const int height = static_cast<int>(size.height * pixels_per_latent);
  const bool masked = !edit.masks.empty();
  EditStart start;
  std::vector<ReadPhoto> photos;
  for (size_t i = 0; i < edit.photos.size(); ++i) {
    Overlay pixels{Resized(edit.photos[i], width, height), {}};
    ReadPhoto& read = photos.emplace_back(ReadPhoto{encoder.Encode(pixels.rgb, size, interrupt), {}});
    if (masked) {
      pixels.mask = Grey(Resized(MaskOf(edit, i), width, height));
      read.mask = LatentMask(pixels.mask, size, pixels_per_latent);
    }
    if (edit.overlay) start.overlays.push_back(std::move(pixels));
  }

  const size_t images = edit.photo_of_image.size(), elements = size.elements();
  const bool once = noise.shared() || edit.draws_once;
  const size_t draws = once ? photos.size() : images;
  const std::vector<float> posterior_noise = noise.DrawRows(draws);
  for (size_t image = 0; image < images; ++image) {
    const size_t photo = edit.photo_of_image[image];
    const auto& [mean, deviation] = photos[photo].posterior;
    const float* const drawn = posterior_noise.data() + (once ? photo : image) * elements;
    for (size_t i = 0; i < elements; ++i) start.photos.push_back(mean[i] + deviation[i] * drawn[i]);
    const float* const own = noise.Next(image);
    start.noise.insert(start.noise.end(), own, own + elements);
    start.masks.insert(start.masks.end(), photos[photo].mask.begin(), photos[photo].mask.end());
  }
  // diffusers then draws the posterior of the masked photo, which only a UNet with inputs for it uses.
  if (masked) noise.DrawRows(draws);
  return start;
}

void Lay(const Overlay& overlay, Image& image) {
  for (size_t pixel = 0; pixel < overlay.mask.size(); ++pixel) {
    const uint32_t painted = overlay.mask[pixel], kept = 255 - painted;
    for (size_t i = 3 * pixel; i < 3 * pixel + 3; ++i) {
      image.data[i] = static_cast<uint8_t>((kept * overlay.rgb[i] + painted * image.data[i] + 127) / 255);
    }
  }
}

}  // namespace arc2face
