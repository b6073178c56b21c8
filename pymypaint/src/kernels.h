// The loops over pixels, compiled once per instruction set and chosen at load time.
//
// Every version performs the same IEEE operations in the same order (no contraction, no reassociation), so all of them
// paint the same pixels.
#pragma once

#include <cstdint>

namespace pymypaint {

constexpr int kTile = 64;                 // libmypaint's tile; dab coordinates are rounded relative to tile corners
constexpr std::uint32_t kOne = 1u << 15;  // 1.0 in libmypaint's 15-bit fixed point

// A canvas as four planes: red, green, blue, alpha; premultiplied 15-bit fixed point.
struct Planes {
  std::uint16_t* channel[4];
  int height;
  int width;
  int stride;   // values from row to row: width rounded up to whole tiles, so that dabs need not be cut at the right
                // edge
  bool opaque;  // every alpha is 1.0: dabs need not touch it, observations need not divide by it
};

// The footprint of a dab, in canvas pixels. Opacity falls in two linear segments of the squared normalised distance.
struct DabShape {
  float x, y, radius, hardness, aspect_ratio;
  float cosine, sine;  // of the dab's angle
};

// What a dab does to the pixels under it. Opacities are 15-bit; a mode with opacity 0 and `use_...` false is skipped.
struct DabBlend {
  std::uint16_t red, green, blue, alpha;
  bool use_normal, use_eraser, use_lock_alpha, use_colorize;
  std::uint16_t normal, lock_alpha, colorize;
};

// Sums under a soft dab, as libmypaint's get_color accumulates them: integers within a tile, floats over tiles.
struct ColorSums {
  float weight, red, green, blue, alpha;
};

struct Kernels {
  const char* name;
  void (*draw_dab)(const Planes&, const DabShape&, const DabBlend&);
  ColorSums (*sample)(const Planes&, const DabShape&);
  // Writes `planes` to `out`, uint8 [height, width, channels], channels 1 (red) or 3.
  void (*observe)(const Planes&, int channels, std::uint8_t* out);
};

const Kernels& kernels();  // the best version that this processor runs

}  // namespace pymypaint
