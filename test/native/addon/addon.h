// The parts of the test addon.
#pragma once

#include <napi.h>

void ExportOperations(Napi::Env env, Napi::Object exports);  // operations.cc
void ExportNetworks(Napi::Env env, Napi::Object exports);    // networks.cc
void ExportEngines(Napi::Env env, Napi::Object exports);     // engines.cc
