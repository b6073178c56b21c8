#include "random.h"

#include <algorithm>
#include <atomic>
#include <utility>

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

RandomStream::RandomStream() { seed(state_, 1000); }

void RandomStream::next(double (&numbers)[kLong]) {
  // Of each batch only the first kLong numbers are used: that is what makes them random.
  constexpr int kBatch = 19;
  double sequence[kBatch + kLong + 1];
  std::copy(state_, state_ + kLong, sequence);
  extend<kLong, kShort>(sequence, kBatch);
  std::copy(sequence, sequence + kLong, numbers);
  std::copy(sequence + kBatch, sequence + kBatch + kLong, state_);
}

struct Random::Block {
  static constexpr int kSize = 4000;

  explicit Block(const RandomStream& start) : end(start) {
    double numbers[kSize + 3];
    for (int i = 0; i < kSize; i += RandomStream::kLong) {
      double ten[RandomStream::kLong];
      end.next(ten);
      std::copy(ten, ten + RandomStream::kLong, numbers + i);
    }
    std::copy(end.ahead(), end.ahead() + 3, numbers + kSize);
    for (int i = 0; i < kSize; ++i) {
      const double sum = numbers[i] + numbers[i + 1] + numbers[i + 2] + numbers[i + 3];
      draws[i] = {static_cast<float>(numbers[i]), static_cast<float>(sum * 1.73205080757 - 3.46410161514)};
    }
  }

  RandomStream end;
  Draw draws[kSize];
};

// The first blocks of the stream, computed when a brush comes there and kept for good: at most 16 MB, enough for the
// densest brush's first 2 million numbers. Brushes that go on beyond them compute their own.
class SharedBlocks {
 public:
  static constexpr int kCount = 512;

  // Safe from several threads: those that come to a new block at once compute it each, and the first one's is kept.
  static const Random::Block* get(int index) {
    static std::atomic<const Random::Block*> blocks[kCount];
    const Random::Block* found = blocks[index].load(std::memory_order_acquire);
    if (found) return found;
    auto made = std::make_unique<Random::Block>(index == 0 ? RandomStream() : get(index - 1)->end);
    if (blocks[index].compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) return made.release();
    return found;
  }
};

Random::Random() { enter(nullptr, SharedBlocks::get(0), 0); }

void Random::enter(std::shared_ptr<const Block> own, const Block* block, int position) {
  own_ = std::move(own);
  block_ = block;
  at_ = block->draws + position;
  end_ = block->draws + Block::kSize;
}

void Random::advance() {
  const int position = static_cast<int>(at_ - end_);
  if (++index_ < SharedBlocks::kCount) {
    enter(nullptr, SharedBlocks::get(index_), position);
  } else {
    auto own = std::make_shared<const Block>(block_->end);
    const Block* block = own.get();
    enter(std::move(own), block, position);
  }
}

// Knuth's ranf_start: computes z^(2^t + seed) modulo the generator's polynomial, by squaring and multiplying.
void RandomStream::seed(double (&state)[kLong], long value) {
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
