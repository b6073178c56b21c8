// Eight pixels at a time: vector types of GCC and Clang, which every target has, as wide registers or as several narrow ones.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace pymypaint {
namespace PYMYPAINT_KERNELS {

constexpr int kLanes = 8;
typedef float Floats __attribute__((vector_size(32)));
typedef std::int32_t Ints __attribute__((vector_size(32)));  // also what a comparison of Floats gives
typedef std::uint16_t Shorts __attribute__((vector_size(16)));
typedef std::uint8_t Bytes __attribute__((vector_size(16)));

static inline Floats all(float value) { return value - Floats{}; }
static inline Shorts all(std::uint16_t value) { return value - Shorts{}; }
static inline Floats choose(Ints condition, Floats yes, Floats no) {
  return reinterpret_cast<Floats>((condition & reinterpret_cast<Ints>(yes)) | (~condition & reinterpret_cast<Ints>(no)));
}
static inline Floats clamp(Floats value, Floats low, Floats high) {
  return choose(value > high, high, choose(value < low, low, value));
}

static inline Shorts load(const std::uint16_t* from) {
  Shorts value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
static inline void store(Shorts value, std::uint16_t* to) { __builtin_memcpy(to, &value, sizeof value); }

// The upper half of the 32-bit products.
static inline Shorts multiply_high(Shorts a, Shorts b) {
#if defined(__SSE2__)
  return reinterpret_cast<Shorts>(_mm_mulhi_epu16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  typedef std::uint32_t Products __attribute__((vector_size(32)));
  return __builtin_convertvector(__builtin_convertvector(a, Products) * __builtin_convertvector(b, Products) >> 16, Shorts);
#endif
}

// Truncates values in [0, 65536).
static inline Shorts to_shorts(Floats values) {
  const Ints ints = __builtin_convertvector(values, Ints);
#if defined(__AVX2__)
  const __m256i both = reinterpret_cast<__m256i>(ints);
  return reinterpret_cast<Shorts>(_mm_packus_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1)));
#else
  return __builtin_convertvector(ints, Shorts);
#endif
}

}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
