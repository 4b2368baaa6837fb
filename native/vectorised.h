// ARC2FACE_VECTORISED: marks a function whose loops gain from wide registers. The addon is built for any x86-64; here
// GCC adds a second copy for processors with AVX2 and FMA (x86-64-v3), and the dynamic loader chooses one. All give
// the same bits: products and sums are never contracted (-ffp-contract=off), and std::fma means the same as an
// instruction and as a call.
//
// ARC2FACE_VECTORISED_WIDE adds a third copy, for AVX-512 (x86-64-v4): for the few loops that gain from that, too.
//
// The choice needs ELF indirect functions of glibc, which sanitizers do not survive; elsewhere there is one copy.
#pragma once

#include <cstddef>  // defines __GLIBC__ where there is one

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    __GNUC__ >= 12 && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ARC2FACE_VECTORISED __attribute__((target_clones("arch=x86-64-v3", "default")))
#define ARC2FACE_VECTORISED_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ARC2FACE_VECTORISED
#define ARC2FACE_VECTORISED_WIDE
#endif
