// libmypaint's random numbers: D. E. Knuth's lagged Fibonacci generator ran_array for doubles (The Art of Computer
// Programming, volume 2, section 3.6), with the short lags 10 and 7 that libmypaint chose, seeded with 1000.
//
// The seed never changes, so every brush draws the same numbers: they are computed once, in blocks that all brushes
// share, together with what libmypaint makes of them.
#pragma once

#include <memory>

namespace pymypaint {

// The generator itself.
class RandomStream {
 public:
  static constexpr int kLong = 10, kShort = 7;
  RandomStream();

  // The next kLong numbers, uniform in [0, 1).
  void next(double (&numbers)[kLong]);
  // What the next call will give.
  const double* ahead() const { return state_; }

 private:
  static void seed(double (&state)[kLong], long value);

  double state_[kLong];
};

// One brush's place in the stream. Copies go on from the same place.
class Random {
 public:
  Random();

  float next() {  // uniform, as float32 of the double in [0, 1)
    const float value = at_->uniform;
    if (++at_ >= end_) advance();
    return value;
  }

  float gauss() {  // roughly normal: mean 0, deviation 1; takes four numbers
    const float value = at_->gauss;
    at_ += 4;
    if (at_ >= end_) advance();
    return value;
  }

 private:
  struct Draw {
    float uniform;  // this number
    float gauss;    // made of this one and the three after it
  };
  struct Block;
  friend class SharedBlocks;

  void advance();
  void enter(std::shared_ptr<const Block> own, const Block* block, int position);

  const Draw *at_, *end_;
  const Block* block_;
  int index_ = 0;                     // of the block in the stream
  std::shared_ptr<const Block> own_;  // keeps a block alive that is not one of the shared ones
};

}  // namespace pymypaint
