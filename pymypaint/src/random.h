// libmypaint's random numbers: D. E. Knuth's lagged Fibonacci generator ran_array for doubles (The Art of Computer
// Programming, volume 2, section 3.6), with the short lags 10 and 7 that libmypaint chose, seeded with 1000.
#pragma once

namespace pymypaint {

class Random {
 public:
  Random();

  double next() {  // uniform in [0, 1)
    if (position_ == kLong) refill();
    return numbers_[position_++];
  }

  float gauss() {  // roughly normal: mean 0, deviation 1
    double sum = 0.0;
    for (int i = 0; i < 4; ++i) sum += next();
    return static_cast<float>(sum * 1.73205080757 - 3.46410161514);
  }

 private:
  static constexpr int kLong = 10, kShort = 7;
  static constexpr int kBatch =
      19;  // of each batch only the first kLong numbers are used: that is what makes them random

  void refill();
  static void advance(double (&state)[kLong], int steps);
  static void seed(double (&state)[kLong], long value);

  double state_[kLong];
  double numbers_[kLong];
  int position_ = kLong;
};

}  // namespace pymypaint
