// The loops over pixels, compiled once per instruction set and chosen at load time.
//
// Every version performs the same IEEE operations in the same order (no contraction, no reassociation), so all of them
// paint the same pixels.
#pragma once

#include <cstdint>

#include "box.h"

namespace pymypaint {

constexpr int kTile = 64;                 // libmypaint's tile; dab coordinates are rounded relative to tile corners
constexpr std::uint32_t kOne = 1u << 15;  // 1.0 in libmypaint's 15-bit fixed point

// A canvas as four planes: red, green, blue, alpha; premultiplied 15-bit fixed point.
struct Planes {
  std::uint16_t* channel[4];
  int colors;  // 3; or 1, if red, green and blue are the same plane: an opaque canvas on which all is grey
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

// A picture to compare a canvas with: planes of bytes whose rows are `stride` long, as the canvas' own.
struct Target {
  int channels;  // 1: compared with the canvas' red, as a grey observation shows it; or 3
  const std::uint8_t* channel[3];
  const std::uint8_t* weight;  // of each pixel; null: none
};

constexpr int kScoreBlock = 16;  // pixels of a row whose errors are kept as one sum

struct SquaredErrors {
  std::int64_t plain, weighted;  // summed over pixels and channels
};

struct Kernels {
  const char* name;
  void (*draw_dab)(const Planes&, const DabShape&, const DabBlend&);
  ColorSums (*sample)(const Planes&, const DabShape&);
  // Writes `planes` to `out`, uint8 [height, width, channels], channels 1 (red) or 3.
  void (*observe)(const Planes&, int channels, std::uint8_t* out);
  // Computes the squared errors of the blocks that meet `box` again; `blocks` holds one sum a block, [height, stride /
  // kScoreBlock], and as many weighted ones after them if the target has weights. Returns how much they have changed.
  SquaredErrors (*score)(const Planes&, const Target&, const Box& box, std::uint32_t* blocks);
};

const Kernels& kernels();  // the best version that this processor runs

}  // namespace pymypaint
