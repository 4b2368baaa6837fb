// NVIDIA's headers. Products and versions share their names: which ones this is compiled against is the build's choice,
// told apart by TRT_MAJOR_RTX and NV_TENSORRT_MAJOR.
#pragma once

#include <cstdint>

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

// The minor versions of NVIDIA's library, of the headers' major version, that this library works with. Virtual tables
// are only guaranteed to stay the same within a minor version of TensorRT-RTX. Within a major version of TensorRT they
// grow from one minor version to the next: a newer library has what the headers declare, and an older one all but what
// came later, which must not be called.
#if defined(TRT_MAJOR_RTX)
inline constexpr int32_t kFirstMinor = NV_TENSORRT_MINOR;
inline constexpr int32_t kLastMinor = NV_TENSORRT_MINOR;
#elif NV_TENSORRT_MAJOR == 10
inline constexpr int32_t kFirstMinor = 6;
inline constexpr int32_t kLastMinor = NV_TENSORRT_MINOR;
#else
inline constexpr int32_t kFirstMinor = NV_TENSORRT_MINOR;
inline constexpr int32_t kLastMinor = INT32_MAX;
#endif

// Networks keep the types that their graphs say. Newer versions know nothing else.
#if !defined(TRT_MAJOR_RTX) && NV_TENSORRT_MAJOR == 10
inline constexpr nvinfer1::NetworkDefinitionCreationFlags kNetworkFlags =
    1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
inline constexpr nvinfer1::NetworkDefinitionCreationFlags kNetworkFlags = 0;
#endif

}  // namespace arc2face::engines
