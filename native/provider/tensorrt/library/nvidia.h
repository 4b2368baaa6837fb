// NVIDIA's headers. Two products share their names, told apart by TRT_MAJOR_RTX: which one this is compiled
// against is the build's choice.
#pragma once

#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
#include <NvInfer.h>
#include <NvOnnxParser.h>
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

namespace arc2face::engines {

#ifdef TRT_MAJOR_RTX
inline constexpr bool kIsRtx = true;
inline constexpr const char* kProduct = "TensorRT-RTX";
#else
inline constexpr bool kIsRtx = false;
inline constexpr const char* kProduct = "TensorRT";
#endif

}  // namespace arc2face::engines
