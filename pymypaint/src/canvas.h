// One canvas: libmypaint's 15-bit premultiplied RGBA.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"

namespace pymypaint {

class Canvas {
 public:
  Canvas(int height, int width);

  void clear();  // opaque white

  void draw_dab(const DabShape& shape, const DabBlend& blend);
  ColorSums sample(const DabShape& shape) const { return kernels_.sample(planes_, shape); }

  // Writes uint8 [height, width, channels] (3 RGB; 1 red, as the published environment's grey). All of it: to keep a
  // picture and to convert only what has changed was no faster, for the memory that the pictures take.
  void observe(int channels, std::uint8_t* out) const { kernels_.observe(planes_, channels, out); }
  // Writes uint16 [height, width, 4].
  void copy_fix15(std::uint16_t* out) const;

 private:
  const Kernels& kernels_;
  std::vector<std::uint16_t> values_;
  Planes planes_;
};

}  // namespace pymypaint
