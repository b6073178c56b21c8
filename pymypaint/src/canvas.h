// One canvas: libmypaint's 15-bit premultiplied RGBA.
#pragma once

#include <cstdint>
#include <vector>

#include "box.h"
#include "kernels.h"

namespace pymypaint {

class Canvas {
 public:
  Canvas(int height, int width);

  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void clear();                                     // opaque white
  void assign(const Canvas& other);                 // of the same size
  void load(int channels, const std::uint8_t* in);  // [height, width, channels], as `observe` writes it; opaque
  void load_fix15(const std::uint16_t* in);         // [height, width, 4], premultiplied

  // A rectangle that holds all pixels that have changed since the last call.
  Box take_touched();
  Box touched() const;
  const Planes& planes() const { return planes_; }

  void draw_dab(const DabShape& shape, const DabBlend& blend);
  ColorSums sample(const DabShape& shape) const { return kernels_.sample(planes_, shape); }

  // Writes uint8 [height, width, channels] (3 RGB; 1 red, as the published environment's grey). All of it: to keep a
  // picture and to convert only what has changed was no faster, for the memory that the pictures take.
  void observe(int channels, std::uint8_t* out) const { kernels_.observe(planes_, channels, out); }
  // Writes uint16 [height, width, 4].
  void copy_fix15(std::uint16_t* out) const;

 private:
  std::uint16_t* plane(int channel) { return values_.data() + values_.size() / 4 * channel; }
  // Most canvases are grey for a while, many for ever: until there is color they have one plane instead of three.
  void join_colors();
  void split_colors();

  const Kernels& kernels_;
  std::vector<std::uint16_t> values_;
  Planes planes_;
  float left_, top_, right_, bottom_;  // of what dabs have touched; right_ < left_: nothing
  bool all_touched_ = false;
};

}  // namespace pymypaint
