// Eight or sixteen pixels at a time: vector types of GCC and Clang, which every target has, as wide registers or as
// several narrow ones.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace pymypaint {
namespace PYMYPAINT_KERNELS {

typedef float Floats __attribute__((vector_size(32)));       // 8
typedef std::int32_t Ints __attribute__((vector_size(32)));  // 8, also what a comparison of Floats gives
typedef std::uint16_t Shorts8 __attribute__((vector_size(16)));
typedef std::uint16_t Shorts16 __attribute__((vector_size(32)));
typedef std::uint8_t Bytes __attribute__((vector_size(16)));

template <typename Vector, typename Value>
inline Vector all(Value value) {
  return value - Vector{};
}
static inline Floats choose(Ints condition, Floats yes, Floats no) { return condition ? yes : no; }
static inline Floats clamp(Floats value, Floats low, Floats high) {
  return choose(value > high, high, choose(value < low, low, value));
}

template <typename Shorts>
inline Shorts load(const std::uint16_t* from) {
  Shorts value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <typename Shorts>
inline void store(Shorts value, std::uint16_t* to) {
  __builtin_memcpy(to, &value, sizeof value);
}

static inline Shorts16 join(Shorts8 left, Shorts8 right) {
  return __builtin_shufflevector(left, right, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

typedef std::int16_t Signed8 __attribute__((vector_size(16)));
typedef std::int16_t Signed16 __attribute__((vector_size(32)));

// The upper halves of the 32-bit products, of unsigned and of signed numbers.
static inline Shorts8 multiply_high(Shorts8 a, Shorts8 b) {
#if defined(__SSE2__)
  return reinterpret_cast<Shorts8>(_mm_mulhi_epu16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  typedef std::uint32_t Products __attribute__((vector_size(32)));
  return __builtin_convertvector(__builtin_convertvector(a, Products) * __builtin_convertvector(b, Products) >> 16,
                                 Shorts8);
#endif
}
static inline Signed8 multiply_high(Signed8 a, Signed8 b) {
#if defined(__SSE2__)
  return reinterpret_cast<Signed8>(_mm_mulhi_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return __builtin_convertvector(__builtin_convertvector(a, Ints) * __builtin_convertvector(b, Ints) >> 16, Signed8);
#endif
}
#if defined(__AVX2__)
static inline Shorts16 multiply_high(Shorts16 a, Shorts16 b) {
  return reinterpret_cast<Shorts16>(_mm256_mulhi_epu16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
static inline Signed16 multiply_high(Signed16 a, Signed16 b) {
  return reinterpret_cast<Signed16>(_mm256_mulhi_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
#endif

// Truncates values in [0, 65536).
static inline Shorts8 to_shorts(Floats values) {
  const Ints ints = __builtin_convertvector(values, Ints);
#if defined(__AVX2__)
  const __m256i both = reinterpret_cast<__m256i>(ints);
  return reinterpret_cast<Shorts8>(_mm_packus_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1)));
#else
  return __builtin_convertvector(ints, Shorts8);
#endif
}
#if defined(__AVX2__)
static inline Shorts16 to_shorts(Floats left, Floats right) {
  const __m256i packed = _mm256_packus_epi32(reinterpret_cast<__m256i>(__builtin_convertvector(left, Ints)),
                                             reinterpret_cast<__m256i>(__builtin_convertvector(right, Ints)));
  return reinterpret_cast<Shorts16>(_mm256_permute4x64_epi64(packed, 0xd8));  // packing works in halves
}
#endif

// Narrows values below 256.
static inline Bytes to_bytes(Shorts8 left, Shorts8 right) {
#if defined(__SSE2__)
  return reinterpret_cast<Bytes>(_mm_packus_epi16(reinterpret_cast<__m128i>(left), reinterpret_cast<__m128i>(right)));
#else
  return __builtin_convertvector(join(left, right), Bytes);
#endif
}

}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
