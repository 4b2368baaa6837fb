// The loaded model as a JavaScript object.
#include "model.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "environment.h"
#include "marshal.h"
#include "native_call.h"
#include "photos.h"

namespace arc2face {

namespace {

Edit ReadEdit(const Napi::Value& value) {
  const Napi::Object from = marshal::Object(value, "edit");
  return {.photos = ReadPhotos(from.Get("photos"), "edit.photos"),
          .masks = ReadPhotos(from.Get("masks"), "edit.masks"),
          .photo_of_image = marshal::Copy<uint32_t>(from.Get("photoOfImage"), "edit.photoOfImage"),
          .overlay = marshal::Boolean(from.Get("overlay"), "edit.overlay"),
          .draws_once = marshal::Boolean(from.Get("drawsOnce"), "edit.drawsOnce")};
}

DetectOptions ReadDetectOptions(const Napi::Object& from) {
  return {static_cast<int>(marshal::Integer(from.Get("detectionSize"), "detectionSize", 0, INT32_MAX)),
          static_cast<float>(marshal::Number(from.Get("threshold"), "threshold"))};
}

EncodeRequest ReadEncodeRequest(const Napi::Value& value) {
  const Napi::Object from = marshal::Object(value, "request");
  return {ReadPhoto(from.Get("photo"), "photo"), ReadKeypoints(from.Get("keypoints"), "keypoints")};
}

float ReadScale(const Napi::Object& from, const std::string& name) {
  return static_cast<float>(marshal::Number(from.Get("scale"), name + ".scale"));
}

// What is not there does not steer.
Steering ReadSteering(const Napi::Object& from) {
  Steering steering;
  if (const Napi::Value value = from.Get("control"); !value.IsUndefined()) {
    const Napi::Object control = marshal::Object(value, "control");
    steering.control = {.image = ReadPhoto(control.Get("image"), "control.image"),
                        .scale = ReadScale(control, "control")};
  }
  if (const Napi::Value value = from.Get("expression"); !value.IsUndefined()) {
    const Napi::Object expression = marshal::Object(value, "expression");
    steering.expression = {.numbers = marshal::Copy<float>(expression.Get("numbers"), "expression.numbers"),
                           .scale = ReadScale(expression, "expression")};
  }
  if (const Napi::Value value = from.Get("reference"); !value.IsUndefined()) {
    const Napi::Object reference = marshal::Object(value, "reference");
    auto& read = steering.reference.emplace();
    read.photo = ReadPhoto(reference.Get("photo"), "reference.photo");
    read.scale = ReadScale(reference, "reference");
    if (const Napi::Value face = reference.Get("face"); !face.IsUndefined()) {
      const auto corners = marshal::TypedArray<double>(face, "reference.face");
      if (corners.size() != Quad{}.size()) marshal::Refuse("eight numbers", "reference.face");
      std::copy(corners.begin(), corners.end(), read.face.emplace().begin());
    }
    if (const Napi::Value noise = reference.Get("noise"); !noise.IsUndefined()) {
      read.noise = marshal::Copy<float>(noise, "reference.noise");
    }
  }
  return steering;
}

GenerateRequest ReadGenerateRequest(const Napi::Object& from) {
  GenerateRequest request{
      .embeddings = marshal::Copy<float>(from.Get("embeddings"), "embeddings"),
      .identity_of_image = marshal::Copy<uint32_t>(from.Get("identityOfImage"), "identityOfImage"),
      .plan = marshal::Plan(from.Get("plan"), "plan"),
      .guidance_scale = static_cast<float>(marshal::Number(from.Get("guidanceScale"), "guidanceScale")),
      .guided = {},
      .seeds = {},
      .noise_batch = {},
      .width = marshal::Integer(from.Get("width"), "width", 0, INT32_MAX),
      .height = marshal::Integer(from.Get("height"), "height", 0, INT32_MAX),
      .latents = {},
      .edit = std::nullopt,
      .steering = ReadSteering(from),
      .on_step = nullptr,
      .on_image = nullptr,
  };
  for (const double seed : marshal::TypedArray<double>(from.Get("seeds"), "seeds")) {
    // Up to 2^53 - 1, where doubles hold every integer.
    if (!(seed >= 0 && seed <= 9007199254740991.0)) marshal::Refuse("integers from 0 to 2^53 - 1", "seeds");
    request.seeds.push_back(static_cast<uint64_t>(seed));
  }
  const Napi::Value batch = from.Get("noiseBatch");
  if (!batch.IsUndefined()) {
    const Napi::Object noise = marshal::Object(batch, "noiseBatch");
    request.noise_batch = {
        static_cast<size_t>(marshal::Integer(noise.Get("images"), "noiseBatch.images", 1, INT32_MAX)),
        marshal::Copy<uint32_t>(noise.Get("places"), "noiseBatch.places"),
    };
  }
  const Napi::Value guided = from.Get("guided");
  if (!guided.IsUndefined()) {
    request.guided = marshal::Copy<uint8_t>(guided, "guided");
    if (request.guided.empty()) marshal::Refuse("a number for each step", "guided");
  }
  const Napi::Value latents = from.Get("latents");
  if (!latents.IsUndefined()) {
    request.latents = marshal::Copy<float>(latents, "latents");
    if (request.latents.empty()) marshal::Refuse("initial noise", "latents");
  }
  if (const Napi::Value colours = from.Get("previewColours"); !colours.IsUndefined()) {
    request.preview_colours = marshal::Copy<float>(colours, "previewColours");
    if (request.preview_colours.empty()) marshal::Refuse("colours of the latents", "previewColours");
  }
  if (const Napi::Value edit = from.Get("edit"); !edit.IsUndefined()) request.edit = ReadEdit(edit);
  return request;
}

Napi::Float32Array FloatArray(Napi::Env env, const float* values, size_t count) {
  auto array = Napi::Float32Array::New(env, count);
  std::copy(values, values + count, array.Data());
  return array;
}

Napi::Value FacesToJs(Napi::Env env, const std::vector<Face>& faces) {
  std::vector<float> boxes, keypoints, scores;
  for (const Face& face : faces) {
    boxes.insert(boxes.end(), face.box.begin(), face.box.end());
    keypoints.insert(keypoints.end(), face.keypoints.begin(), face.keypoints.end());
    scores.push_back(face.score);
  }
  const Napi::Object result = Napi::Object::New(env);
  result.Set("boxes", FloatArray(env, boxes.data(), boxes.size()));
  result.Set("keypoints", FloatArray(env, keypoints.data(), keypoints.size()));
  result.Set("scores", FloatArray(env, scores.data(), scores.size()));
  return result;
}

// A view of the memory that the pipeline wrote, which lives as long as the view, even without the model. Runtimes
// that forbid such memory (Electron) get a copy.
Napi::Value ImageToJs(Napi::Env env, Image image) {
  const size_t bytes = image.width * image.height * 3;
  const HostDeleter deleter = image.data.get_deleter();
  const auto buffer = Napi::Buffer<uint8_t>::NewOrCopy(env, image.data.release(), bytes,
                                                       [deleter](Napi::Env, uint8_t* memory) { deleter(memory); });
  return Napi::Uint8Array::New(env, bytes, buffer.ArrayBuffer(), buffer.ByteOffset());
}

auto StepTeller(std::shared_ptr<Mailbox> mailbox, uint64_t call) {
  return [mailbox = std::move(mailbox), call](uint32_t step, uint32_t steps) {
    mailbox->Post([=](Napi::Env, Environment& to) {
      to.Tell(call, "onStep", [=](Napi::Env env) -> Napi::Value {
        const Napi::Object progress = Napi::Object::New(env);
        progress.Set("step", step);
        progress.Set("steps", steps);
        return progress;
      });
    });
  };
}

auto PreviewTeller(std::shared_ptr<Mailbox> mailbox, uint64_t call) {
  return [mailbox = std::move(mailbox), call](size_t index, uint32_t step, Image image) {
    mailbox->Post([=, image = std::make_shared<Image>(std::move(image))](Napi::Env, Environment& to) {
      to.Tell(call, "onPreview", [&](Napi::Env env) -> Napi::Value {
        const Napi::Object preview = Napi::Object::New(env);
        preview.Set("index", static_cast<double>(index));
        preview.Set("step", step);
        preview.Set("width", static_cast<double>(image->width));
        preview.Set("height", static_cast<double>(image->height));
        preview.Set("pixels", ImageToJs(env, std::move(*image)));
        return preview;
      });
    });
  };
}

auto ImageTeller(std::shared_ptr<Mailbox> mailbox, uint64_t call) {
  return [mailbox = std::move(mailbox), call](size_t index, Image image) {
    // Shared, because a letter must be copyable and an image is not.
    mailbox->Post([=, image = std::make_shared<Image>(std::move(image))](Napi::Env, Environment& to) {
      to.Tell(call, "onImage", [&](Napi::Env env) -> Napi::Value {
        const Napi::Object painted = Napi::Object::New(env);
        painted.Set("index", static_cast<double>(index));
        painted.Set("pixels", ImageToJs(env, std::move(*image)));
        return painted;
      });
    });
  };
}

}  // namespace

Napi::Function Model::Class(Napi::Env env) {
  return DefineClass(env, "Model",
                     {InstanceMethod<&Model::Detect>("detect"), InstanceMethod<&Model::Encode>("encode"),
                      InstanceMethod<&Model::Generate>("generate"), InstanceMethod<&Model::Features>("features"),
                      InstanceMethod<&Model::Distance>("distance"), InstanceMethod<&Model::Usage>("usage"),
                      InstanceMethod<&Model::Dispose>("dispose")});
}

Napi::Value Model::Wrap(Napi::Env env, std::shared_ptr<Pipeline> pipeline) {
  Environment& environment = Environment::Of(env);
  const auto holder = Napi::External<std::shared_ptr<Pipeline>>::New(env, &pipeline);
  environment.pipelines().insert(pipeline);
  return environment.model_class.New({holder});
}

Model::Model(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Model>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "A model is made by load().");
  pipeline_ = *info[0].As<Napi::External<std::shared_ptr<Pipeline>>>().Data();
}

Model::~Model() {
  if (!pipeline_ || Environment::Of(Env()).pipelines().erase(pipeline_) == 0) return;
  pipeline_->Dispose([] {});
}

Napi::Value Model::Detect(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const Napi::Object from = marshal::Object(info[0], "request");
    Photo photo = ReadPhoto(from.Get("photo"), "photo");
    const DetectOptions options = ReadDetectOptions(from);
    return StartCall<std::vector<Face>>(
        info, pipeline_, {},
        [&](uint64_t, auto done) { return pipeline_->Detect(std::move(photo), options, std::move(done)); },
        [](Napi::Env env, const std::vector<Face>& faces) { return FacesToJs(env, faces); });
  });
}

Napi::Value Model::Encode(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    EncodeRequest request = ReadEncodeRequest(info[0]);
    return StartCall<std::vector<float>>(
        info, pipeline_, {},
        [&](uint64_t, auto done) { return pipeline_->Encode(std::move(request), std::move(done)); },
        [](Napi::Env env, const std::vector<float>& embedding) -> Napi::Value {
          const Napi::Object result = Napi::Object::New(env);
          result.Set("embedding", FloatArray(env, embedding.data(), embedding.size()));
          return result;
        });
  });
}

Napi::Value Model::Generate(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const Napi::Object from = marshal::Object(info[0], "request");
    GenerateRequest request = ReadGenerateRequest(from);
    const auto mailbox = Environment::Of(info.Env()).mailbox();
    return StartCall<std::monostate>(
        info, pipeline_, ListenersOf(from, {"onStep", "onPreview", "onImage"}),
        [&](uint64_t number, auto done) {
          request.on_step = StepTeller(mailbox, number);
          if (from.Get("onPreview").IsFunction()) request.on_preview = PreviewTeller(mailbox, number);
          request.on_image = ImageTeller(mailbox, number);
          return pipeline_->Generate(std::move(request), std::move(done));
        },
        [](Napi::Env env, std::monostate) { return env.Undefined(); });
  });
}

Napi::Value Model::Features(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    Photo image = ReadPhoto(info[0], "image");
    return StartCall<std::vector<float>>(
        info, pipeline_, {},
        [&](uint64_t, auto done) { return pipeline_->Features(std::move(image), std::move(done)); },
        [](Napi::Env env, const std::vector<float>& features) -> Napi::Value {
          return FloatArray(env, features.data(), features.size());
        });
  });
}

Napi::Value Model::Distance(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    Photo first = ReadPhoto(info[0], "first"), second = ReadPhoto(info[1], "second");
    return StartCall<float>(
        info, pipeline_, {},
        [&](uint64_t, auto done) { return pipeline_->Distance(std::move(first), std::move(second), std::move(done)); },
        [](Napi::Env env, float distance) -> Napi::Value { return Napi::Number::New(env, distance); });
  });
}

Napi::Value Model::Usage(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Object size = marshal::Object(info[0], "size");
    const size_t most = pipeline_->RowsOf(marshal::Integer(size.Get("width"), "width", 1, INT32_MAX),
                                          marshal::Integer(size.Get("height"), "height", 1, INT32_MAX));
    const auto usage = pipeline_->usage();
    const Napi::Object result = Napi::Object::New(info.Env());
    const auto set = [&](const char* name, auto number) { result.Set(name, static_cast<double>(number)); };
    set("images", usage.images);
    set("mostRows", most);
    set("evaluations", usage.evaluations);
    set("rows", usage.rows);
    set("places", usage.places);
    set("steps", usage.steps);
    const Napi::Object seconds = Napi::Object::New(info.Env());
    for (const auto& [name, phase] : {std::pair{"waiting", Phase::kWaiting},
                                      {"conditioning", Phase::kConditioning},
                                      {"denoising", Phase::kDenoising},
                                      {"decoding", Phase::kDecoding}}) {
      seconds.Set(name, usage.seconds[static_cast<size_t>(phase)]);
    }
    result.Set("seconds", seconds);
    return result;
  });
}

Napi::Value Model::Dispose(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = Environment::Of(env);
  environment.pipelines().erase(pipeline_);
  const auto deferred = Napi::Promise::Deferred::New(env);
  const uint64_t number = environment.Open(deferred, {}, {});
  pipeline_->Dispose([mailbox = environment.mailbox(), number] {
    mailbox->Post(
        [number](Napi::Env, Environment& to) { to.Resolve(number, [](Napi::Env env) { return env.Undefined(); }); });
  });
  return deferred.Promise();
}

}  // namespace arc2face
