#include "canvas.h"

#include <algorithm>
#include <cstring>

namespace pymypaint {

Canvas::Canvas(int height, int width) : kernels_(kernels()) {
  planes_.height = height;
  planes_.width = width;
  planes_.stride = (width + kTile - 1) / kTile * kTile;
  const std::size_t size = static_cast<std::size_t>(height) * planes_.stride;
  values_.resize(size * 4);
  for (int c = 0; c < 4; ++c) planes_.channel[c] = values_.data() + size * c;
  clear();
}

void Canvas::clear() {
  std::fill(values_.begin(), values_.end(), static_cast<std::uint16_t>(kOne));
  planes_.opaque = true;
  std::fill(picture_.begin(), picture_.end(), std::uint8_t{255});
  dirty_ = {planes_.width, planes_.height, 0, 0};
}

void Canvas::draw_dab(const DabShape& shape, const DabBlend& blend) {
  const float fringe = shape.radius + 1.0f;
  const float width = static_cast<float>(planes_.width), height = static_cast<float>(planes_.height);
  if (!(shape.x + fringe >= 0.0f && shape.x - fringe <= width && shape.y + fringe >= 0.0f &&
        shape.y - fringe <= height)) {
    return;  // off the canvas (or not a number)
  }
  if (blend.use_eraser) planes_.opaque = false;
  kernels_.draw_dab(planes_, shape, blend);
  const auto clip = [](float value, float high) { return static_cast<int>(std::min(std::max(value, 0.0f), high)); };
  dirty_.x0 = std::min(dirty_.x0, clip(shape.x - fringe, width));
  dirty_.y0 = std::min(dirty_.y0, clip(shape.y - fringe, height));
  dirty_.x1 = std::max(dirty_.x1, clip(shape.x + fringe + 1.0f, width));
  dirty_.y1 = std::max(dirty_.y1, clip(shape.y + fringe + 1.0f, height));
}

void Canvas::observe(int channels, std::uint8_t* out) {
  if (picture_channels_ != channels) {
    picture_.resize(static_cast<std::size_t>(planes_.height) * planes_.width * channels);
    picture_channels_ = channels;
    dirty_ = {0, 0, planes_.width, planes_.height};
  }
  if (dirty_.x0 < dirty_.x1 && dirty_.y0 < dirty_.y1) kernels_.observe(planes_, dirty_, channels, picture_.data());
  dirty_ = {planes_.width, planes_.height, 0, 0};
  std::memcpy(out, picture_.data(), picture_.size());
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
