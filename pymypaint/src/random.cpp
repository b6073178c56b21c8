#include "random.h"

#include <algorithm>

namespace pymypaint {
namespace {

inline double sum_modulo_one(double a, double b) {
  const double sum = a + b;
  return sum >= 1.0 ? sum - 1.0 : sum;
}

}  // namespace

Random::Random() {
  struct Seeded {
    double state[kLong];
    Seeded() { seed(state, 1000); }
  };
  static const Seeded seeded;  // always the same, and much slower to compute than to copy
  std::copy(seeded.state, seeded.state + kLong, state_);
}

void Random::refill() {
  std::copy(state_, state_ + kLong, numbers_);
  advance(state_, kBatch);
  position_ = 0;
}

// Moves the window of the last kLong numbers of the sequence x[n] = x[n - kLong] + x[n - kShort] mod 1 by `steps`.
void Random::advance(double (&state)[kLong], int steps) {
  double sequence[kLong + 2 * kLong];
  std::copy(state, state + kLong, sequence);
  for (int i = kLong; i < kLong + steps; ++i) {
    sequence[i] = sum_modulo_one(sequence[i - kLong], sequence[i - kShort]);
  }
  std::copy(sequence + steps, sequence + steps + kLong, state);
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
  for (int i = 0; i < 10; ++i) advance(state, 2 * kLong - 1);
}

}  // namespace pymypaint
