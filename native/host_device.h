// ARC2FACE_HD: marks a function that host and GPU share, so that its arithmetic is written once. Both give
// the same bits as long as it uses exactly rounded operations only (+ - * /, fmaf, conversions) and neither compiler
// contracts a product and a sum into one rounding (CMakeLists.txt).
#pragma once

#ifdef __CUDACC__
#define ARC2FACE_HD __host__ __device__
#else
#define ARC2FACE_HD
#endif
