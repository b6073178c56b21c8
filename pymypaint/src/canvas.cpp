#include "canvas.h"

#include <algorithm>

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
