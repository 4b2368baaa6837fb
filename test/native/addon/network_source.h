// A network's source, as described by tests in TypeScript.
#pragma once

#include <napi.h>

#include <vector>

#include "error.h"
#include "provider/provider.h"

arc2face::DataType ReadType(const Napi::Value& value);
std::vector<int64_t> ReadShape(const Napi::Value& value);

// From { name?, graph | file, weights? }, with the maps that it reads from.
arc2face::NetworkSource ReadSource(const Napi::Object& request);

// Gives a core error its code in JavaScript.
template <Napi::Value (*kFunction)(const Napi::CallbackInfo&)>
Napi::Value Typed(const Napi::CallbackInfo& info) {
  try {
    return kFunction(info);
  } catch (const arc2face::Error& error) {
    const Napi::Error thrown = Napi::Error::New(info.Env(), error.what());
    thrown.Set("code", arc2face::Name(error.code()));
    throw thrown;
  }
}
