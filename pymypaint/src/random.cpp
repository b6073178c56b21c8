#include "random.h"

#include <algorithm>

namespace pymypaint {
namespace {

inline double sum_modulo_one(double a, double b) {
  const double sum = a + b;
  return sum >= 1.0 ? sum - 1.0 : sum;
}

// Appends to the kLong numbers at `sequence` the next ones of x[n] = x[n - kLong] + x[n - kShort] mod 1, two at a time:
// if `count` is odd, one more is written.
template <int kLong, int kShort>
inline void extend(double* sequence, int count) {
  typedef double Pair __attribute__((vector_size(16)));
  for (int i = kLong; i < kLong + count; i += 2) {
    Pair a, b;
    __builtin_memcpy(&a, sequence + i - kLong, sizeof a);
    __builtin_memcpy(&b, sequence + i - kShort, sizeof b);
    const Pair sum = a + b, one = {1.0, 1.0};
    const Pair result = sum - (sum >= one ? one : Pair{});
    __builtin_memcpy(sequence + i, &result, sizeof result);
  }
}

}  // namespace

Random::Random() {
  struct Seeded {
    double state[kLong];
    Seeded() { seed(state, 1000); }
  };
  static const Seeded seeded;  // always the same, and much slower to compute than to copy
  std::copy(seeded.state, seeded.state + kLong, sequence_ + kBatch);
}

void Random::refill() {
  std::copy(sequence_ + kBatch, sequence_ + kBatch + kLong, sequence_);
  extend<kLong, kShort>(sequence_, kBatch);
  position_ = 0;
}

// Knuth's ranf_start: computes z^(2^t + seed) modulo the generator's polynomial, by squaring and multiplying.
void Random::seed(double (&state)[kLong], long value) {
  constexpr int kSeparation = 7;
  constexpr double ulp = 1.0 / (1L << 30) / (1L << 22);
  double power[2 * kLong - 1];
  double bits = 2.0 * ulp * static_cast<double>((value & 0x3fffffff) + 2);
  for (int i = 0; i < kLong; ++i) {
    power[i] = bits;
    bits += bits;
    if (bits >= 1.0) bits -= 1.0 - 2 * ulp;
  }
  power[1] += ulp;
  long remaining = value & 0x3fffffff;
  for (int t = kSeparation - 1; t > 0;) {
    for (int i = kLong - 1; i > 0; --i) {  // square
      power[2 * i] = power[i];
      power[2 * i - 1] = 0.0;
    }
    for (int i = 2 * kLong - 2; i >= kLong; --i) {  // reduce
      power[i - (kLong - kShort)] = sum_modulo_one(power[i - (kLong - kShort)], power[i]);
      power[i - kLong] = sum_modulo_one(power[i - kLong], power[i]);
    }
    if (remaining & 1) {  // multiply by z
      std::copy_backward(power, power + kLong, power + kLong + 1);
      power[0] = power[kLong];
      power[kShort] = sum_modulo_one(power[kShort], power[kLong]);
    }
    if (remaining) remaining >>= 1;
    else --t;
  }
  std::copy(power, power + kShort, state + kLong - kShort);
  std::copy(power + kShort, power + kLong, state);
  for (int i = 0; i < 10; ++i) {  // warm up
    constexpr int kSteps = 2 * kLong - 1;
    double sequence[kLong + kSteps + 1];
    std::copy(state, state + kLong, sequence);
    extend<kLong, kShort>(sequence, kSteps);
    std::copy(sequence + kSteps, sequence + kSteps + kLong, state);
  }
}

}  // namespace pymypaint
