#include "score.h"

#include <algorithm>

namespace pymypaint {
namespace {

// From interleaved pixels to planes with rows of `stride`.
std::vector<std::uint8_t> to_planes(int count, int height, int width, int stride, int channels,
                                    const std::uint8_t* from) {
  std::vector<std::uint8_t> planes(static_cast<std::size_t>(count) * channels * height * stride);
  for (int i = 0; i < count; ++i) {
    for (int c = 0; c < channels; ++c) {
      for (int y = 0; y < height; ++y) {
        const std::uint8_t* in = from + (static_cast<std::size_t>(i) * height + y) * width * channels + c;
        std::uint8_t* out = planes.data() + ((static_cast<std::size_t>(i) * channels + c) * height + y) * stride;
        for (int x = 0; x < width; ++x) out[x] = in[x * channels];
      }
    }
  }
  return planes;
}

}  // namespace

Targets::Targets(int count, int height, int width, int channels, const std::uint8_t* pictures,
                 const std::uint8_t* weights)
    : height_(height),
      width_(width),
      stride_((width + kTile - 1) / kTile * kTile),
      channels_(channels),
      pictures_(to_planes(count, height, width, stride_, channels, pictures)) {
  if (weights) weights_ = to_planes(count, height, width, stride_, 1, weights);
}

Target Targets::operator[](int index) const {
  const std::size_t plane = static_cast<std::size_t>(height_) * stride_;
  Target target = {channels_, {nullptr, nullptr, nullptr}, nullptr};
  for (int c = 0; c < channels_; ++c)
    target.channel[c] = pictures_.data() + (static_cast<std::size_t>(index) * channels_ + c) * plane;
  if (weighted()) target.weight = weights_.data() + static_cast<std::size_t>(index) * plane;
  return target;
}

SquaredErrors Score::update(const Canvas& canvas, const Targets& targets, int index) {
  const Planes& planes = canvas.planes();
  if (of_ != &targets || index_ != index) {
    of_ = &targets;
    index_ = index;
    stale_ = {0, 0, planes.width, planes.height};
    total_ = {0, 0};
    blocks_.assign(
        static_cast<std::size_t>(planes.height) * (planes.stride / kScoreBlock) * (targets.weighted() ? 2 : 1), 0);
  }
  if (stale_.empty()) return {0, 0};
  const SquaredErrors change = kernels().score(planes, targets[index], stale_, blocks_.data());
  stale_ = Box();
  total_.plain += change.plain;
  total_.weighted += change.weighted;
  return change;
}

}  // namespace pymypaint
