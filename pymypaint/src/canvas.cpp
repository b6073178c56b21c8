#include "canvas.h"

#include <algorithm>
#include <limits>

namespace pymypaint {

Canvas::Canvas(int height, int width) : kernels_(kernels()) {
  planes_.height = height;
  planes_.width = width;
  planes_.stride = (width + kTile - 1) / kTile * kTile;
  const std::size_t size = static_cast<std::size_t>(height) * planes_.stride;
  values_.resize(size * 4);
  for (int c = 0; c < 4; ++c) planes_.channel[c] = values_.data() + size * c;
  clear();
  take_touched();
}

void Canvas::clear() {
  std::fill(values_.begin(), values_.end(), static_cast<std::uint16_t>(kOne));
  planes_.opaque = true;
  all_touched_ = true;
}

void Canvas::assign(const Canvas& other) {
  // Of two opaque canvases the last plane is the same.
  const std::size_t planes = planes_.opaque && other.planes_.opaque ? 3 : 4;
  std::copy_n(other.values_.begin(), other.values_.size() / 4 * planes, values_.begin());
  planes_.opaque = other.planes_.opaque;
  all_touched_ = true;
}

void Canvas::load(int channels, const std::uint8_t* in) {
  clear();
  for (int y = 0; y < planes_.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * planes_.stride;
    for (int x = 0; x < planes_.width; ++x, in += channels) {
      for (int c = 0; c < 3; ++c) {  // rounded, so that `observe` gives the same byte back
        planes_.channel[c][row + x] = static_cast<std::uint16_t>((in[channels == 3 ? c : 0] * kOne + 127) / 255);
      }
    }
  }
}

void Canvas::load_fix15(const std::uint16_t* in) {
  clear();
  for (int y = 0; y < planes_.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * planes_.stride;
    for (int x = 0; x < planes_.width; ++x, in += 4) {
      for (int c = 0; c < 4; ++c) planes_.channel[c][row + x] = in[c];
      if (in[3] != kOne) planes_.opaque = false;
    }
  }
}

Box Canvas::touched() const {
  Box box;
  if (all_touched_) {
    box = {0, 0, planes_.width, planes_.height};
  } else if (right_ >= left_) {
    const auto within = [](float value, int size) {
      return static_cast<int>(std::min(std::max(value, 0.0f), static_cast<float>(size)));
    };
    box = {within(left_, planes_.width), within(top_, planes_.height), within(right_ + 1.0f, planes_.width),
           within(bottom_ + 1.0f, planes_.height)};
  }
  return box;
}

Box Canvas::take_touched() {
  const Box box = touched();
  all_touched_ = false;
  left_ = top_ = std::numeric_limits<float>::max();
  right_ = bottom_ = -std::numeric_limits<float>::max();
  return box;
}

void Canvas::draw_dab(const DabShape& shape, const DabBlend& blend) {
  const float fringe = shape.radius + 1.0f;
  const float width = static_cast<float>(planes_.width), height = static_cast<float>(planes_.height);
  if (!(shape.x + fringe >= 0.0f && shape.x - fringe <= width && shape.y + fringe >= 0.0f &&
        shape.y - fringe <= height)) {
    return;  // off the canvas (or not a number)
  }
  left_ = std::min(left_, shape.x - fringe);
  right_ = std::max(right_, shape.x + fringe);
  top_ = std::min(top_, shape.y - fringe);
  bottom_ = std::max(bottom_, shape.y + fringe);
  if (blend.use_eraser) planes_.opaque = false;
  kernels_.draw_dab(planes_, shape, blend);
}

void Canvas::copy_fix15(std::uint16_t* out) const {
  for (int y = 0; y < planes_.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * planes_.stride;
    for (int x = 0; x < planes_.width; ++x, out += 4) {
      for (int c = 0; c < 4; ++c) out[c] = planes_.channel[c][row + x];
    }
  }
}

}  // namespace pymypaint
