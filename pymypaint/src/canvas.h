// One canvas: libmypaint's 15-bit premultiplied RGBA, and the uint8 picture of it that observers see.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"

namespace pymypaint {

class Canvas {
 public:
  Canvas(int height, int width);

  void clear();  // opaque white

  // Draws the dab and remembers where the picture has changed.
  void draw_dab(const DabShape& shape, const DabBlend& blend);
  ColorSums sample(const DabShape& shape) const { return kernels_.sample(planes_, shape); }

  // Writes uint8 [height, width, channels] (3 RGB; 1 red, as the published environment's grey).
  void observe(int channels, std::uint8_t* out);
  // Writes uint16 [height, width, 4].
  void copy_fix15(std::uint16_t* out) const;

 private:
  const Kernels& kernels_;
  std::vector<std::uint16_t> values_;
  Planes planes_;
  // Converting a whole canvas costs as much as a thin stroke, so only what has changed is converted again.
  std::vector<std::uint8_t> picture_;
  int picture_channels_ = 0;  // 0: there is none yet
  Rect dirty_;
};

}  // namespace pymypaint
