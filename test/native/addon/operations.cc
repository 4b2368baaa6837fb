// The operations between the networks, each as one synchronous function. test/inside.ts has their types.
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "addon.h"
#include "binding/marshal.h"
#include "error.h"
#include "operations/diffusion/noise.h"
#include "operations/diffusion/step.h"
#include "operations/face/face.h"
#include "operations/image/ffhq.h"
#include "operations/image/image.h"
#include "operations/image/lanczos.h"

namespace {

using arc2face::Error;
using arc2face::ErrorCode;

// ---- JavaScript to plain C++ ----

[[noreturn]] void Refuse(const std::string& what, const std::string& expected) {
  throw Error(ErrorCode::kInvalidArgument, "Expected " + expected + " for " + what + ".");
}

double Number(Napi::Value value, const char* what) {
  if (!value.IsNumber()) Refuse(what, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t Integer(Napi::Value value, const char* what, int64_t least, int64_t most) {
  const double number = Number(value, what);
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) || number != std::floor(number)) {
    Refuse(what, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int64_t>(number);
}

int Side(Napi::Value value, const char* what) { return static_cast<int>(Integer(value, what, INT32_MIN, INT32_MAX)); }

template <typename T>
Napi::TypedArrayOf<T> Typed(Napi::Value value, const char* what, napi_typedarray_type type) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    Refuse(what, "another typed array");
  return value.As<Napi::TypedArrayOf<T>>();
}
Napi::Float32Array Floats(Napi::Value value, const char* what) { return Typed<float>(value, what, napi_float32_array); }
Napi::Float64Array Doubles(Napi::Value value, const char* what) {
  return Typed<double>(value, what, napi_float64_array);
}

template <typename Array>
Array OfLength(Array array, const char* what, size_t length) {
  if (array.ElementLength() != length) Refuse(what, std::to_string(length) + " values");
  return array;
}

Napi::Object Object(Napi::Value value, const char* what) {
  if (!value.IsObject()) Refuse(what, "an object");
  return value.As<Napi::Object>();
}

// The operations check sides, but not the size of the pixels' memory.
size_t Values(int64_t width, int64_t height) {
  return width < 0 || height < 0 ? 0 : 3 * static_cast<size_t>(width * height);
}

arc2face::PhotoView Photo(Napi::Value value) {
  const Napi::Object photo = Object(value, "the photo");
  const int width = Side(photo.Get("width"), "the photo's width");
  const int height = Side(photo.Get("height"), "the photo's height");
  const auto data = OfLength(Typed<uint8_t>(photo.Get("data"), "the photo's data", napi_uint8_array),
                             "the photo's data", Values(width, height));
  return {data.Data(), width, height};
}

arc2face::Quad Corners(Napi::Value value) {
  const Napi::Float64Array numbers = OfLength(Doubles(value, "the corners"), "the corners", 8);
  arc2face::Quad quad;
  std::copy_n(numbers.Data(), 8, quad.begin());
  return quad;
}

Napi::Uint8Array Bytes(Napi::Env env, const std::vector<uint8_t>& bytes) {
  auto array = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), array.Data());
  return array;
}

arc2face::Affine Matrix(Napi::Value value) {
  const Napi::Float64Array numbers = OfLength(Doubles(value, "the matrix"), "the matrix", 6);
  arc2face::Affine affine;
  std::copy_n(numbers.Data(), 6, affine.m);
  return affine;
}

arc2face::Letterbox Fit(Napi::Value value) {
  const Napi::Object fit = Object(value, "the letterbox");
  return {Side(fit.Get("inputWidth"), "inputWidth"), Side(fit.Get("inputHeight"), "inputHeight"),
          Side(fit.Get("resizedWidth"), "resizedWidth"), Side(fit.Get("resizedHeight"), "resizedHeight"),
          static_cast<float>(Number(fit.Get("scale"), "scale"))};
}

Napi::Float32Array ToJs(Napi::Env env, const float* values, size_t count) {
  auto array = Napi::Float32Array::New(env, count);
  if (count != 0) std::memcpy(array.Data(), values, count * sizeof(float));
  return array;
}

// ---- The operations ----

Napi::Value Randn(const Napi::CallbackInfo& info) {
  arc2face::NoiseGenerator generator(static_cast<uint64_t>(Integer(info[0], "the seed", 0, (int64_t{1} << 53) - 1)));
  if (!info[1].IsArray()) Refuse("the counts", "an array");
  const Napi::Array counts = info[1].As<Napi::Array>();
  const Napi::Array draws = Napi::Array::New(info.Env(), counts.Length());
  for (uint32_t i = 0; i < counts.Length(); ++i) {
    std::vector<float> values(static_cast<size_t>(Integer(counts[i], "a count", 0, 1 << 28)));
    generator.Draw(values.data(), values.size());
    draws.Set(i, ToJs(info.Env(), values.data(), values.size()));
  }
  return draws;
}

Napi::Value FitPhoto(const Napi::CallbackInfo& info) {
  const arc2face::Letterbox fit =
      arc2face::FitPhoto(Side(info[0], "the photo's width"), Side(info[1], "the photo's height"),
                         Side(info[2], "the input's width"), Side(info[3], "the input's height"));
  const Napi::Object letterbox = Napi::Object::New(info.Env());
  letterbox.Set("inputWidth", fit.input_width);
  letterbox.Set("inputHeight", fit.input_height);
  letterbox.Set("resizedWidth", fit.resized_width);
  letterbox.Set("resizedHeight", fit.resized_height);
  letterbox.Set("scale", fit.scale);
  return letterbox;
}

Napi::Value PrepareFace(const Napi::CallbackInfo& info) {
  const auto face = arc2face::PrepareFace(Photo(info[0]), Corners(info[1]), Side(info[2], "the output"),
                                          info[3].As<Napi::Boolean>().Value());
  const Napi::Object result = Napi::Object::New(info.Env());
  result.Set("data", Bytes(info.Env(), face.rgb));
  result.Set("width", face.width);
  result.Set("height", face.height);
  auto quad = Napi::Float64Array::New(info.Env(), face.quad.size());
  std::copy(face.quad.begin(), face.quad.end(), quad.Data());
  result.Set("quad", quad);
  return result;
}

Napi::Value SampleQuad(const Napi::CallbackInfo& info) {
  return Bytes(info.Env(), arc2face::SampleQuad(Photo(info[0]), Corners(info[1]), Side(info[2], "the output"),
                                                Side(info[3], "the samples")));
}

Napi::Value Resize(const Napi::CallbackInfo& info) {
  const int width = Side(info[1], "the width"), height = Side(info[2], "the height");
  arc2face::CheckSize("the resized photo", width, height);
  auto resized = Napi::Uint8Array::New(info.Env(), Values(width, height));
  arc2face::ResizeHost(Photo(info[0]), width, height, resized.Data());
  return resized;
}

Napi::Value ResizeLanczos(const Napi::CallbackInfo& info) {
  const int width = Side(info[1], "the width"), height = Side(info[2], "the height");
  const std::vector<uint8_t> bytes = arc2face::ResizeLanczos(Photo(info[0]), width, height);
  auto resized = Napi::Uint8Array::New(info.Env(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), resized.Data());
  return resized;
}

Napi::Value Letterbox(const Napi::CallbackInfo& info) {
  const arc2face::Letterbox fit = Fit(info[1]);
  arc2face::CheckSize("the detector's input", fit.input_width, fit.input_height);
  auto input = Napi::Float32Array::New(info.Env(), Values(fit.input_width, fit.input_height));
  arc2face::LetterboxHost(Photo(info[0]), fit, input.Data());
  return input;
}

Napi::Value WarpAffine(const Napi::CallbackInfo& info) {
  const int size = Side(info[2], "the size");
  arc2face::CheckSize("the crop", size, size);
  auto crop = Napi::Uint8Array::New(info.Env(), Values(size, size));
  arc2face::WarpAffineHost(Photo(info[0]), Matrix(info[1]), size, crop.Data());
  return crop;
}

Napi::Value AlignFace(const Napi::CallbackInfo& info) {
  const int size = Side(info[2], "the size");
  arc2face::CheckSize("the crop", size, size);
  auto input = Napi::Float32Array::New(info.Env(), Values(size, size));
  arc2face::AlignFaceHost(Photo(info[0]), Matrix(info[1]), size, input.Data());
  return input;
}

Napi::Value Quantise(const Napi::CallbackInfo& info) {
  const int height = Side(info[1], "the height"), width = Side(info[2], "the width");
  const Napi::Float32Array image = OfLength(Floats(info[0], "the image"), "the image", Values(width, height));
  auto rgb = Napi::Uint8Array::New(info.Env(), image.ElementLength());
  arc2face::QuantiseHost(image.Data(), height, width, rgb.Data());
  return rgb;
}

Napi::Value EstimateAlignment(const Napi::CallbackInfo& info) {
  const Napi::Float32Array numbers = OfLength(Floats(info[0], "the keypoints"), "the keypoints", 10);
  arc2face::Keypoints keypoints;
  std::copy_n(numbers.Data(), keypoints.size(), keypoints.begin());
  const arc2face::Affine affine = arc2face::EstimateAlignment(keypoints, Side(info[1], "the size"));
  auto matrix = Napi::Float64Array::New(info.Env(), 6);
  std::copy_n(affine.m, 6, matrix.Data());
  return matrix;
}

Napi::Value DecodeDetections(const Napi::CallbackInfo& info) {
  const arc2face::Letterbox fit = Fit(info[1]);
  if (!info[0].IsArray()) Refuse("the levels", "an array");
  const Napi::Array list = info[0].As<Napi::Array>();
  std::vector<arc2face::DetectorLevel> levels;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Object level = Object(list[i], "a level");
    const int stride = Side(level.Get("stride"), "the stride");
    const size_t anchors =
        stride < 1 ? 0
                   : 2 * static_cast<size_t>(fit.input_width / stride) * static_cast<size_t>(fit.input_height / stride);
    levels.push_back({stride, OfLength(Floats(level.Get("scores"), "scores"), "scores", anchors).Data(),
                      OfLength(Floats(level.Get("boxes"), "boxes"), "boxes", 4 * anchors).Data(),
                      OfLength(Floats(level.Get("keypoints"), "keypoints"), "keypoints", 10 * anchors).Data()});
  }
  const std::vector<arc2face::Face> faces =
      arc2face::DecodeDetections(levels, fit, static_cast<float>(Number(info[2], "the threshold")));

  auto boxes = Napi::Float32Array::New(info.Env(), 4 * faces.size());
  auto keypoints = Napi::Float32Array::New(info.Env(), 10 * faces.size());
  auto scores = Napi::Float32Array::New(info.Env(), faces.size());
  for (size_t i = 0; i < faces.size(); ++i) {
    std::copy_n(faces[i].box.begin(), 4, boxes.Data() + 4 * i);
    std::copy_n(faces[i].keypoints.begin(), 10, keypoints.Data() + 10 * i);
    scores.Data()[i] = faces[i].score;
  }
  const Napi::Object result = Napi::Object::New(info.Env());
  result.Set("boxes", boxes);
  result.Set("keypoints", keypoints);
  result.Set("scores", scores);
  return result;
}

// runPlan(plan, initialNoise, noise, eps): every x after a step.
Napi::Value RunPlan(const Napi::CallbackInfo& info) {
  const auto [start, plan] = arc2face::marshal::Plan(info[0], "the plan");
  const Napi::Float32Array initial_noise = Floats(info[1], "the initial noise");
  const size_t elements = initial_noise.ElementLength();
  if (!info[2].IsArray()) Refuse("the noise", "an array");
  const Napi::Array noise = info[2].As<Napi::Array>();
  if (!info[3].IsFunction()) Refuse("eps", "a function");
  const Napi::Function eps = info[3].As<Napi::Function>();

  std::vector<float> registers(arc2face::kRegisters * elements), sample(elements);
  for (size_t i = 0; i < elements; ++i) registers[i] = start.noise * initial_noise.Data()[i];
  arc2face::BatchSlot slot{registers.data(), plan.data(), 0, 0, -1, 1};
  const Napi::Array trajectory = Napi::Array::New(info.Env(), plan.size());
  uint32_t draws = 0;
  for (uint32_t i = 0; i < plan.size(); ++i) {
    const Napi::HandleScope scope(info.Env());
    float timestep;
    arc2face::GatherRowsHost(&slot, 1, elements, sample.data(), &timestep);
    const Napi::Value answer =
        eps.Call({ToJs(info.Env(), sample.data(), elements), Napi::Number::New(info.Env(), timestep)});
    const Napi::Float32Array predicted = OfLength(Floats(answer, "eps's answer"), "eps's answer", elements);
    if (plan[i].draws_noise != 0) {
      if (draws >= noise.Length()) Refuse("the noise", "a draw for every step that draws");
      const Napi::Float32Array draw = OfLength(Floats(noise[draws++], "a draw"), "a draw", elements);
      std::copy_n(draw.Data(), elements, registers.begin() + arc2face::kNoise * elements);
    }
    arc2face::ApplyStepHost(&slot, 1, elements, predicted.Data());
    trajectory.Set(i, ToJs(info.Env(), registers.data() + arc2face::kLatents * elements, elements));
  }
  return trajectory;
}

// Passes the core's errors to JavaScript with their code, like the binding.
template <Napi::Value (*kOperation)(const Napi::CallbackInfo&)>
Napi::Value Checked(const Napi::CallbackInfo& info) {
  try {
    return kOperation(info);
  } catch (const Error& error) {
    Napi::Error thrown = Napi::Error::New(info.Env(), error.what());
    thrown.Set("code", arc2face::Name(error.code()));
    throw thrown;
  }
}

}  // namespace

void ExportOperations(Napi::Env env, Napi::Object exports) {
  exports.Set("randn", Napi::Function::New<Checked<Randn>>(env, "randn"));
  exports.Set("fitPhoto", Napi::Function::New<Checked<FitPhoto>>(env, "fitPhoto"));
  exports.Set("prepareFace", Napi::Function::New<Checked<PrepareFace>>(env, "prepareFace"));
  exports.Set("sampleQuad", Napi::Function::New<Checked<SampleQuad>>(env, "sampleQuad"));
  exports.Set("resize", Napi::Function::New<Checked<Resize>>(env, "resize"));
  exports.Set("resizeLanczos", Napi::Function::New<Checked<ResizeLanczos>>(env, "resizeLanczos"));
  exports.Set("letterbox", Napi::Function::New<Checked<Letterbox>>(env, "letterbox"));
  exports.Set("warpAffine", Napi::Function::New<Checked<WarpAffine>>(env, "warpAffine"));
  exports.Set("alignFace", Napi::Function::New<Checked<AlignFace>>(env, "alignFace"));
  exports.Set("decodeDetections", Napi::Function::New<Checked<DecodeDetections>>(env, "decodeDetections"));
  exports.Set("estimateAlignment", Napi::Function::New<Checked<EstimateAlignment>>(env, "estimateAlignment"));
  exports.Set("quantise", Napi::Function::New<Checked<Quantise>>(env, "quantise"));
  exports.Set("runPlan", Napi::Function::New<Checked<RunPlan>>(env, "runPlan"));
}
