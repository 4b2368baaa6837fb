// Photos and images: scaling, warping and quantising, by OpenCV's and diffusers' rules. What takes a stream is queued
// on it, in its device's memory; names that end in Host are the definitions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../../half.h"

namespace arc2face {

class Stream;

// RGB, 8 bits a channel, row-major without padding.
struct PhotoView {
  const uint8_t* data;
  int width;
  int height;
};

// Longest side of photos and of their results: OpenCV's own limit for warps.
inline constexpr int kMaxSide = 32767;
// Throws kInvalidArgument, naming `what`, unless both sides are from 1 to kMaxSide. Operations on photos check this
// too.
void CheckSize(const char* what, int width, int height);

// How insightface fits a photo into the detector's input (SCRFD.detect): scaled to fit, padded with 0 right and below.
struct Letterbox {
  int input_width, input_height;      // the detector's input
  int resized_width, resized_height;  // the part of it that the photo covers
  float scale;                        // resized_height / photo height; detections are divided by it
};
Letterbox FitPhoto(int photo_width, int photo_height, int input_width, int input_height);
// Throws kInvalidArgument unless all sizes are valid and the resized photo fits the input.
void CheckLetterbox(PhotoView photo, const Letterbox& letterbox);

// cv2.resize(photo, INTER_LINEAR) for uint8, integer rules (golden/README): `resized` is [height, width, 3].
void ResizeHost(PhotoView photo, int width, int height, uint8_t* resized);

// Divisors of the networks' inputs, after subtracting 127.5.
inline constexpr float kDetectorDivisor = 128;
inline constexpr float kRecogniserDivisor = 127.5f;

// The detector's input: letterboxed, (x - 127.5) / 128, planes of R, G, B: float [3, input_height, input_width].
void LetterboxPhoto(Stream& stream, PhotoView photo, const Letterbox& letterbox, float* input);
void LetterboxHost(PhotoView photo, const Letterbox& letterbox, float* input);

// 2x3, row-major; maps photo to crop.
struct Affine {
  double m[6];
};
// Crop to photo. Throws kInvalidArgument when there is no finite inverse.
Affine Invert(const Affine& affine);

// cv2.warpAffine(photo, photo_to_crop, (size, size)), linear, border 0, integer rules: `crop` is [size, size, 3].
void WarpAffineHost(PhotoView photo, const Affine& photo_to_crop, int size, uint8_t* crop);

// The recogniser's input: warped, (x - 127.5) / 127.5, float [3, size, size].
void AlignFace(Stream& stream, PhotoView photo, const Affine& photo_to_crop, int size, float* input);
void AlignFaceHost(PhotoView photo, const Affine& photo_to_crop, int size, float* input);

// [-1, 1] [3, height, width] -> RGB bytes: clamp(x / 2 + 0.5, 0, 1) * 255 in float32, round half to even
// (diffusers VaeImageProcessor.postprocess). NaN becomes 0.
void Quantise(Stream& stream, ConstNetworkFloats image, int height, int width, uint8_t* rgb);
void QuantiseHost(ConstNetworkFloats image, int height, int width, uint8_t* rgb);
// The image's number of pixels; throws kInvalidArgument for a negative side.
size_t CheckedPixels(int height, int width);

}  // namespace arc2face
