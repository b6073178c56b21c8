// How far a canvas is from its target: squared errors of the uint8 picture that an observation shows, kept for blocks
// of pixels, so that after a stroke only the blocks that it touched are computed again.
#pragma once

#include <cstdint>
#include <vector>

#include "canvas.h"

namespace pymypaint {

// The pictures to paint, as planes whose rows are as long as a canvas' rows.
class Targets {
 public:
  // `pictures`: uint8 [count, height, width, channels]; `weights`: uint8 [count, height, width], or null.
  Targets(int count, int height, int width, int channels, const std::uint8_t* pictures, const std::uint8_t* weights);

  bool weighted() const { return !weights_.empty(); }
  Target operator[](int index) const;

 private:
  int height_, width_, stride_, channels_;
  std::vector<std::uint8_t> pictures_, weights_;
};

class Score {
 public:
  void touch(const Box& box) { stale_.unite(box); }
  void forget() { of_ = nullptr; }  // the next update computes everything

  // Brings the errors of `canvas` against a target up to date; returns how much they have changed (everything, if they
  // were of another target or forgotten).
  SquaredErrors update(const Canvas& canvas, const Targets& targets, int index);
  SquaredErrors total() const { return total_; }

 private:
  const Targets* of_ = nullptr;
  int index_ = 0;
  Box stale_;
  SquaredErrors total_ = {0, 0};
  std::vector<std::uint32_t> blocks_;  // plain, then weighted: [2, height, blocks of a row]
};

}  // namespace pymypaint
