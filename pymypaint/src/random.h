// libmypaint's random numbers: D. E. Knuth's lagged Fibonacci generator ran_array for doubles (The Art of Computer
// Programming, volume 2, section 3.6), with the short lags 10 and 7 that libmypaint chose, seeded with 1000.
#pragma once

namespace pymypaint {

class Random {
 public:
  Random();

  double next() {  // uniform in [0, 1)
    if (position_ == kLong) refill();
    return sequence_[position_++];
  }

  float gauss() {  // roughly normal: mean 0, deviation 1
    double sum;
    if (position_ + 4 <= kLong) {
      const double* four = sequence_ + position_;
      sum = four[0] + four[1] + four[2] + four[3];
      position_ += 4;
    } else {
      sum = next();
      for (int i = 0; i < 3; ++i) sum += next();
    }
    return static_cast<float>(sum * 1.73205080757 - 3.46410161514);
  }

 private:
  static constexpr int kLong = 10, kShort = 7;
  // Of each batch only the first kLong numbers are used: that is what makes them random.
  static constexpr int kBatch = 19;

  void refill();
  static void seed(double (&state)[kLong], long value);

  double sequence_[kBatch + kLong + 1];  // from kBatch on: where the next batch begins
  int position_ = kLong;
};

}  // namespace pymypaint
