#include "canvas.h"

#include <algorithm>
#include <limits>

namespace pymypaint {

Canvas::Canvas(int height, int width) : kernels_(kernels()) {
  planes_.height = height;
  planes_.width = width;
  planes_.stride = (width + kTile - 1) / kTile * kTile;
  values_.resize(static_cast<std::size_t>(height) * planes_.stride * 4, kOne);
  for (int c = 0; c < 4; ++c) planes_.channel[c] = plane(c);
  planes_.opaque = true;
  clear();
  take_touched();
}

void Canvas::join_colors() {
  planes_.colors = 1;
  planes_.channel[1] = planes_.channel[2] = plane(0);
}

void Canvas::split_colors() {
  if (planes_.colors == 3) return;
  planes_.colors = 3;
  for (int c = 1; c < 3; ++c) {
    std::copy(plane(0), plane(1), plane(c));
    planes_.channel[c] = plane(c);
  }
}

void Canvas::clear() {
  const std::size_t size = values_.size() / 4;
  std::fill_n(plane(0), size, static_cast<std::uint16_t>(kOne));
  join_colors();
  if (!planes_.opaque) std::fill_n(plane(3), size, static_cast<std::uint16_t>(kOne));
  planes_.opaque = true;
  all_touched_ = true;
}

void Canvas::assign(const Canvas& other) {
  const std::size_t size = values_.size() / 4;
  std::copy_n(other.values_.data(), size * other.planes_.colors, values_.data());
  // The alpha planes of opaque canvases are the same.
  if (!planes_.opaque || !other.planes_.opaque) std::copy_n(other.values_.data() + 3 * size, size, plane(3));
  planes_.opaque = other.planes_.opaque;
  planes_.colors = other.planes_.colors;
  for (int c = 1; c < 3; ++c) planes_.channel[c] = plane(planes_.colors == 1 ? 0 : c);
  all_touched_ = true;
}

void Canvas::load(int channels, const std::uint8_t* in) {
  clear();
  if (channels == 3) split_colors();
  for (int y = 0; y < planes_.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * planes_.stride;
    for (int x = 0; x < planes_.width; ++x, in += channels) {
      for (int c = 0; c < channels; ++c) {  // rounded, so that `observe` gives the same byte back
        planes_.channel[c][row + x] = static_cast<std::uint16_t>((in[c] * kOne + 127) / 255);
      }
    }
  }
}

void Canvas::load_fix15(const std::uint16_t* in) {
  clear();
  split_colors();
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
  const bool plain = !blend.use_eraser && !blend.use_lock_alpha && !blend.use_colorize;
  if (!plain || blend.red != blend.green || blend.red != blend.blue) split_colors();
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
