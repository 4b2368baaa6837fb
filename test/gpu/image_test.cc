// The kernels of photos and images, against their definitions: the same bits at every size.
#include <limits>

#include "error.h"
#include "gpu.h"
#include "operation_data.h"
#include "operations/image/image.h"

namespace arc2face::testing {
namespace {

class GpuImage : public GpuTest {
 protected:
  template <typename Work>
  void ExpectInvalid(Work work) {
    try {
      work();
      ADD_FAILURE() << "nothing thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    }
  }
};

TEST_F(GpuImage, LettersWhatTheDefinitionLetters) {
  for (const int width : {1, 31, 32, 33, 257, 1920}) {
    for (const int height : {1, 33, 1080}) {
      for (const auto& [input_width, input_height] : {std::pair{640, 640}, {33, 31}, {128, 4}, {1, 1}}) {
        const std::vector<uint8_t> pixels = RandomBytes(3 * static_cast<size_t>(width) * height, 3);
        const Letterbox letterbox = FitPhoto(width, height, input_width, input_height);
        std::vector<float> expected(3 * static_cast<size_t>(input_width) * input_height);
        OnGpu<uint8_t> photo(*gpu, *stream, pixels);
        OnGpu<float> input(*gpu, *stream, expected);
        LetterboxHost({pixels.data(), width, height}, letterbox, expected.data());
        LetterboxPhoto(*stream, {photo.data(), width, height}, letterbox, input.data());
        EXPECT_TRUE(SameBits(input.values(), expected))
            << width << " x " << height << " in " << input_width << " x " << input_height;
      }
    }
  }
}

TEST_F(GpuImage, AlignsWhatTheDefinitionAligns) {
  const Affine affines[] = {
      {0.5, 0.1, 3.25, -0.1, 0.5, 7.5}, {-1.25, 2, 30, 2, 1.25, -20}, {1, 0, 1e9, 0, 1, -1e9}, {30, 0, 0, 0, 30, 0}};
  for (const int side : {1, 31, 33, 257, 1024}) {
    const std::vector<uint8_t> pixels = RandomBytes(3 * static_cast<size_t>(side) * 40, 4);
    OnGpu<uint8_t> photo(*gpu, *stream, pixels);
    for (const int size : {1, 31, 33, 112, 128}) {
      for (const Affine& affine : affines) {
        std::vector<float> expected(3 * static_cast<size_t>(size) * size);
        OnGpu<float> input(*gpu, *stream, expected);
        AlignFaceHost({pixels.data(), side, 40}, affine, size, expected.data());
        AlignFace(*stream, {photo.data(), side, 40}, affine, size, input.data());
        EXPECT_TRUE(SameBits(input.values(), expected)) << side << " wide, crop " << size;
      }
    }
  }
}

template <typename T>
class GpuQuantise : public GpuTest {};
using Precisions = ::testing::Types<float, Half>;
TYPED_TEST_SUITE(GpuQuantise, Precisions);

TYPED_TEST(GpuQuantise, QuantisesWhatTheDefinitionQuantises) {
  for (const int width : {0, 1, 15, 16, 17, 31, 33, 257, 512}) {
    for (const size_t shift : {0, 1}) {
      constexpr int kHeight = 3;
      auto image = RandomNumbers<TypeParam>(3 * static_cast<size_t>(width) * kHeight, 5);
      if (!image.empty()) image[image.size() / 2] = FromFloat<TypeParam>(std::numeric_limits<float>::quiet_NaN());
      std::vector<uint8_t> expected(image.size());
      OnGpu<TypeParam> gpu_image(*this->gpu, *this->stream, image, shift);
      OnGpu<uint8_t> rgb(*this->gpu, *this->stream, expected);
      QuantiseHost(image.data(), kHeight, width, expected.data());
      Quantise(*this->stream, gpu_image.data(), kHeight, width, rgb.data());
      EXPECT_EQ(rgb.values(), expected) << width << " wide, shift " << shift;
    }
  }
}

TEST_F(GpuImage, RefusesWhatTheDefinitionsRefuse) {
  const Affine identity{1, 0, 0, 0, 1, 0}, flat{0, 0, 0, 0, 0, 0};
  for (const int bad : {0, -1, kMaxSide + 1}) {
    ExpectInvalid([&] { LetterboxPhoto(*stream, {nullptr, bad, 1}, {1, 1, 1, 1, 1}, nullptr); });
    ExpectInvalid([&] { LetterboxPhoto(*stream, {nullptr, 1, 1}, {1, bad, 1, 1, 1}, nullptr); });
    ExpectInvalid([&] { AlignFace(*stream, {nullptr, 1, bad}, identity, 1, nullptr); });
    ExpectInvalid([&] { AlignFace(*stream, {nullptr, 1, 1}, identity, bad, nullptr); });
  }
  ExpectInvalid([&] { AlignFace(*stream, {nullptr, 1, 1}, flat, 1, nullptr); });
  ExpectInvalid([&] { Quantise(*stream, static_cast<const float*>(nullptr), -1, 1, nullptr); });
}

}  // namespace
}  // namespace arc2face::testing
