// As many pixels at a time as the registers hold, in vector types of GCC and Clang, which every target has. Wider types
// than the target's registers would work too, but GCC computes some of their operations one value at a time.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace pymypaint {
namespace PYMYPAINT_KERNELS {

#if defined(__AVX512BW__)
constexpr int kFloats = 16, kPixels = 16;
#elif defined(__AVX2__)
constexpr int kFloats = 8, kPixels = 16;
#else
constexpr int kFloats = 4, kPixels = 8;
#endif
typedef float Floats __attribute__((vector_size(4 * kFloats)));
typedef std::int32_t Ints __attribute__((vector_size(4 * kFloats)));     // also what a comparison of Floats gives
typedef std::uint16_t Shorts __attribute__((vector_size(2 * kPixels)));  // a block of pixels
typedef std::int16_t Signed __attribute__((vector_size(2 * kPixels)));
typedef std::uint16_t Shorts8 __attribute__((vector_size(16)));
typedef std::int16_t Signed8 __attribute__((vector_size(16)));
typedef std::uint8_t Bytes __attribute__((vector_size(16)));

template <typename Vector, typename Value>
inline Vector all(Value value) {
  return value - Vector{};
}
static inline Floats choose(Ints condition, Floats yes, Floats no) { return condition ? yes : no; }
static inline Floats clamp(Floats value, Floats low, Floats high) {
  return choose(value > high, high, choose(value < low, low, value));
}

template <typename Vector>
inline Vector load_vector(const std::uint16_t* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <typename Vector>
inline void store_vector(Vector value, std::uint16_t* to) {
  __builtin_memcpy(to, &value, sizeof value);
}

template <typename Whole>
inline Whole join(Shorts8 left, Shorts8 right) {
  return reinterpret_cast<Whole>(
      __builtin_shufflevector(left, right, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

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
  typedef std::int32_t Products __attribute__((vector_size(32)));
  return __builtin_convertvector(__builtin_convertvector(a, Products) * __builtin_convertvector(b, Products) >> 16,
                                 Signed8);
#endif
}
#if defined(__AVX2__)
static inline Shorts multiply_high(Shorts a, Shorts b) {
  return reinterpret_cast<Shorts>(_mm256_mulhi_epu16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
static inline Signed multiply_high(Signed a, Signed b) {
  return reinterpret_cast<Signed>(_mm256_mulhi_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
#endif

// A block of values in [0, 65536), truncated. `part(i)` gives Floats from lane i on.
template <typename Part>
[[gnu::always_inline]] inline Shorts to_shorts(const Part& part) {
#if defined(__AVX512BW__)
  return __builtin_convertvector(__builtin_convertvector(part(0), Ints), Shorts);
#else
  const Ints left = __builtin_convertvector(part(0), Ints), right = __builtin_convertvector(part(kFloats), Ints);
#if defined(__AVX2__)
  const __m256i packed = _mm256_packus_epi32(reinterpret_cast<__m256i>(left), reinterpret_cast<__m256i>(right));
  return reinterpret_cast<Shorts>(_mm256_permute4x64_epi64(packed, 0xd8));  // packing works in halves
#elif defined(__SSE2__)
  // There is only an instruction that packs signed numbers, so they are given the sign of their 16 bits first.
  const Ints low = left << 16 >> 16, high = right << 16 >> 16;
  return reinterpret_cast<Shorts>(_mm_packs_epi32(reinterpret_cast<__m128i>(low), reinterpret_cast<__m128i>(high)));
#else
  return __builtin_convertvector(__builtin_shufflevector(left, right, 0, 1, 2, 3, 4, 5, 6, 7), Shorts);
#endif
#endif
}

// Narrows values below 256.
static inline Bytes to_bytes(Shorts8 left, Shorts8 right) {
#if defined(__SSE2__)
  return reinterpret_cast<Bytes>(_mm_packus_epi16(reinterpret_cast<__m128i>(left), reinterpret_cast<__m128i>(right)));
#else
  typedef std::uint16_t Both __attribute__((vector_size(32)));
  return __builtin_convertvector(join<Both>(left, right), Bytes);
#endif
}

// Of sixteen bytes.
static inline std::uint32_t squared_distance(Bytes a, Bytes b) {
#if defined(__SSE2__)
  const __m128i x = reinterpret_cast<__m128i>(a), y = reinterpret_cast<__m128i>(b), zero = _mm_setzero_si128();
  const __m128i low = _mm_sub_epi16(_mm_unpacklo_epi8(x, zero), _mm_unpacklo_epi8(y, zero));
  const __m128i high = _mm_sub_epi16(_mm_unpackhi_epi8(x, zero), _mm_unpackhi_epi8(y, zero));
  __m128i sum = _mm_add_epi32(_mm_madd_epi16(low, low), _mm_madd_epi16(high, high));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(sum));
#else
  std::uint32_t sum = 0;
  for (int i = 0; i < 16; ++i) sum += static_cast<std::uint32_t>((a[i] - b[i]) * (a[i] - b[i]));
  return sum;
#endif
}

}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
