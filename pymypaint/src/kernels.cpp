// Compiled several times, with PYMYPAINT_KERNELS as the name of the version. No standard templates in here: their code
// would be emitted with this file's instruction set and might be linked into the rest of the module.
#include "kernels.h"

#include "blend.h"
#include "dab_mask.h"

namespace pymypaint {
namespace PYMYPAINT_KERNELS {
namespace {

template <typename Shape, bool kAntialiased, int kColors, bool kFullOpacity>
void glaze_on_tile(const Planes& planes, long corner, int rows, const LocalDab& shared, const Cut& cut,
                   const DabBlend& blend) {
  const LocalDab dab = shared;  // a copy, which writing pixels cannot change: it stays in registers
  const Glaze<Shape, kColors, kFullOpacity> glaze(planes, blend);
  for_each_block<Shape>(dab, cut, corner, planes.stride, rows,
                        [&](int row, int x0, long at) { glaze(at, Shape::template mask<kAntialiased>(dab, row, x0)); });
}

template <typename Shape, bool kAntialiased>
void draw_on_tile(const Planes& planes, long corner, int rows, const LocalDab& dab, const Cut& cut,
                  const DabBlend& blend) {
  const bool only_normal = blend.use_normal && !blend.use_lock_alpha && !blend.use_colorize;
  if (only_normal && planes.opaque && blend.red < kOne && blend.green < kOne && blend.blue < kOne) {
    const bool full = blend.normal == kOne;
    if (planes.colors == 3) {
      if (full) glaze_on_tile<Shape, kAntialiased, 3, true>(planes, corner, rows, dab, cut, blend);
      else glaze_on_tile<Shape, kAntialiased, 3, false>(planes, corner, rows, dab, cut, blend);
    } else {
      if (full) glaze_on_tile<Shape, kAntialiased, 1, true>(planes, corner, rows, dab, cut, blend);
      else glaze_on_tile<Shape, kAntialiased, 1, false>(planes, corner, rows, dab, cut, blend);
    }
    return;
  }
  for_each_block<Shape>(dab, cut, corner, planes.stride, rows, [&](int row, int x0, long at) {
    const Shorts mask = Shape::template mask<kAntialiased>(dab, row, x0);
    if (blend.use_normal) blend_normal<Shape>(planes, at, mask, blend);
    std::uint16_t values[kPixels];
    store_vector(mask, values);
    for (int r = 0; r < Shape::kRows; ++r) {
      const long start = at + static_cast<long>(r) * planes.stride;
      const std::uint16_t* row_values = values + r * Shape::kColumns;
      if (blend.use_eraser) blend_eraser(planes, start, Shape::kColumns, row_values, blend);
      if (blend.use_lock_alpha) blend_lock_alpha(planes, start, Shape::kColumns, row_values, blend);
      if (blend.use_colorize) blend_colorize(planes, start, Shape::kColumns, row_values, blend);
    }
  });
}

template <bool kAntialiased>
void draw_on_tile(const Planes& planes, long corner, int rows, const LocalDab& dab, const DabBlend& blend) {
  const Cut cut = pymypaint::PYMYPAINT_KERNELS::cut(dab, rows);
  if (fits<Block<4>>(cut, rows)) draw_on_tile<Block<4>, kAntialiased>(planes, corner, rows, dab, cut, blend);
  else if (kPixels > 8 && fits<Block<8>>(cut, rows))
    draw_on_tile<Block<8>, kAntialiased>(planes, corner, rows, dab, cut, blend);
  else draw_on_tile<Block<kPixels>, kAntialiased>(planes, corner, rows, dab, cut, blend);
}

void draw_dab(const Planes& planes, const DabShape& dab, const DabBlend& blend) {
  int tx0 = 0, ty0 = 0, tx1 = (planes.width - 1) / kTile, ty1 = (planes.height - 1) / kTile;
  if (tx1 > 0 || ty1 > 0) {
    const float fringe = dab.radius + 1.0f;
    tx0 = maxi(tx0, tile_of(dab.x - fringe));
    tx1 = mini(tx1, tile_of(dab.x + fringe));
    ty0 = maxi(ty0, tile_of(dab.y - fringe));
    ty1 = mini(ty1, tile_of(dab.y + fringe));
  }
  for (int ty = ty0; ty <= ty1; ++ty) {
    for (int tx = tx0; tx <= tx1; ++tx) {
      const LocalDab local = localise(dab, tx, ty);
      const long corner = static_cast<long>(ty) * kTile * planes.stride + tx * kTile;
      const int rows = mini(kTile, planes.height - ty * kTile);
      if (local.antialias) draw_on_tile<true>(planes, corner, rows, local, blend);
      else draw_on_tile<false>(planes, corner, rows, local, blend);
    }
  }
}

struct TileSums {
  std::uint32_t weight, channel[4];
};

// Off the canvas everything is opaque white, as it is on a fresh canvas.
template <bool kAntialiased>
TileSums sample_tile(const Planes& planes, int left, int top, const LocalDab& dab) {
  typedef Block<kPixels> Row;
  constexpr int kLanes = Row::kColumns;
  TileSums sums = {0, {0, 0, 0, 0}};
  for_each_block<Row>(dab, cut(dab, kTile), 0, 0, kTile, [&](int row, int x0, long) {
    std::uint16_t mask[kLanes];
    store_vector(Row::mask<kAntialiased>(dab, row, x0), mask);
    const int y = top + row, x = left + x0;
    // How many of these pixels are on the canvas: its left edge is a tile's, its right edge may be in a block.
    const bool on_row = y >= 0 && y < planes.height && x >= 0;
    const int inside = on_row ? maxi(0, mini(kLanes, planes.width - x)) : 0;
    std::uint32_t outside = 0;
    for (int i = 0; i < kLanes; ++i) sums.weight += mask[i];
    for (int i = inside; i < kLanes; ++i) outside += mask[i];
    for (int c = 0; c < 4; ++c) {
      sums.channel[c] += outside;
      const std::uint16_t* value = planes.channel[c] + (inside ? static_cast<long>(y) * planes.stride + x : 0);
      for (int i = 0; i < inside; ++i) sums.channel[c] += static_cast<std::uint32_t>(mask[i]) * value[i] >> 15;
    }
  });
  return sums;
}

ColorSums sample(const Planes& planes, const DabShape& dab) {
  ColorSums sums = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
  const float fringe = dab.radius + 1.0f;
  for (int ty = tile_of(floorf(dab.y - fringe)); ty <= tile_of(floorf(dab.y + fringe)); ++ty) {
    for (int tx = tile_of(floorf(dab.x - fringe)); tx <= tile_of(floorf(dab.x + fringe)); ++tx) {
      const LocalDab local = localise(dab, tx, ty);
      const TileSums tile = local.antialias ? sample_tile<true>(planes, tx * kTile, ty * kTile, local)
                                            : sample_tile<false>(planes, tx * kTile, ty * kTile, local);
      sums.weight += static_cast<float>(tile.weight);
      sums.red += static_cast<float>(tile.channel[0]);
      sums.green += static_cast<float>(tile.channel[1]);
      sums.blue += static_cast<float>(tile.channel[2]);
      sums.alpha += static_cast<float>(tile.channel[3]);
    }
  }
  return sums;
}

// (255 * fix15 + 2^14) / 2^15, in 16-bit arithmetic.
inline Shorts8 to_byte(Shorts8 fix15) {
  const Shorts8 factor = all<Shorts8>(std::uint16_t{510});
  return multiply_high(fix15, factor) + ((fix15 * factor) >> 15);
}

// Straight colour of a premultiplied value, as the published environment computes it.
inline std::uint16_t unpremultiply(std::uint16_t color, std::uint32_t alpha) {
  return alpha == 0 ? 0 : static_cast<std::uint16_t>(((static_cast<std::uint32_t>(color) << 15) + alpha / 2) / alpha);
}

// Interleaves 16 pixels' colours: rgbrgb...
inline void store_rgb(Bytes red, Bytes green, Bytes blue, std::uint8_t* out) {
  // Shuffles take two vectors: first red and green, then blue among them.
  const Bytes rg0 = __builtin_shufflevector(red, green, 0, 16, 0, 1, 17, 1, 2, 18, 2, 3, 19, 3, 4, 20, 4, 5);
  const Bytes rg1 = __builtin_shufflevector(red, green, 21, 5, 6, 22, 6, 7, 23, 7, 8, 24, 8, 9, 25, 9, 10, 26);
  const Bytes rg2 = __builtin_shufflevector(red, green, 10, 11, 27, 11, 12, 28, 12, 13, 29, 13, 14, 30, 14, 15, 31, 15);
  const Bytes out0 = __builtin_shufflevector(rg0, blue, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15);
  const Bytes out1 = __builtin_shufflevector(rg1, blue, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15);
  const Bytes out2 = __builtin_shufflevector(rg2, blue, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31);
  __builtin_memcpy(out, &out0, 16);
  __builtin_memcpy(out + 16, &out1, 16);
  __builtin_memcpy(out + 32, &out2, 16);
}

// Sixteen values of one channel.
inline Bytes observe_channel(const std::uint16_t* color, const std::uint16_t* alpha, bool opaque) {
  Shorts8 half[2];
  for (int h = 0; h < 2; ++h) {
    half[h] = load_vector<Shorts8>(color + 8 * h);
    if (!opaque) {
      for (int i = 0; i < 8; ++i) half[h][i] = unpremultiply(half[h][i], alpha[8 * h + i]);
    }
    half[h] = to_byte(half[h]);
  }
  return to_bytes(half[0], half[1]);
}

void observe(const Planes& shared, int channels, std::uint8_t* out) {
  const Planes planes = shared;  // a copy, which writing bytes cannot change
  constexpr int kBlock = 16;
  for (int y = 0; y < planes.height; ++y) {
    const long row = static_cast<long>(y) * planes.stride;
    for (int x = 0; x < planes.width; x += kBlock) {  // never beyond the stride
      Bytes color[3];
      color[0] = observe_channel(planes.channel[0] + row + x, planes.channel[3] + row + x, planes.opaque);
      color[1] = color[2] = color[0];
      for (int c = 1; c < mini(channels, planes.colors); ++c) {
        color[c] = observe_channel(planes.channel[c] + row + x, planes.channel[3] + row + x, planes.opaque);
      }
      std::uint8_t* pixels = out + (static_cast<long>(y) * planes.width + x) * channels;
      const int count = mini(kBlock, planes.width - x);
      if (channels == 3 && count == kBlock) {
        store_rgb(color[0], color[1], color[2], pixels);
      } else if (channels == 1 && count == kBlock) {
        __builtin_memcpy(pixels, &color[0], kBlock);
      } else {
        for (int i = 0; i < count; ++i) {
          for (int c = 0; c < channels; ++c) pixels[i * channels + c] = color[c][i];
        }
      }
    }
  }
}

struct BlockErrors {
  std::uint32_t plain, weighted;
};

// Of one block, whose first `count` pixels are on the canvas.
BlockErrors score_block(const Planes& planes, const Target& target, long at, int count) {
  Bytes painted[3], wanted[3];
  for (int c = 0; c < target.channels; ++c) {
    painted[c] =
        c < planes.colors ? observe_channel(planes.channel[c] + at, planes.channel[3] + at, planes.opaque) : painted[0];
    wanted[c] = painted[c];
    __builtin_memcpy(&wanted[c], target.channel[c] + at, static_cast<unsigned>(count));
  }
  BlockErrors errors = {0, 0};
  for (int c = 0; c < target.channels; ++c) errors.plain += squared_distance(painted[c], wanted[c]);
  if (!target.weight) return errors;
  std::uint32_t squares[kScoreBlock] = {};
  for (int c = 0; c < target.channels; ++c) {
    for (int i = 0; i < kScoreBlock; ++i) {
      const int difference = painted[c][i] - wanted[c][i];
      squares[i] += static_cast<std::uint32_t>(difference * difference);
    }
  }
  for (int i = 0; i < kScoreBlock; ++i) errors.weighted += squares[i] * target.weight[at + i];
  return errors;
}

SquaredErrors score(const Planes& shared, const Target& target, const Box& box, std::uint32_t* blocks) {
  const Planes planes = shared;
  const int row_blocks = planes.stride / kScoreBlock;
  std::uint32_t* weighted_blocks = blocks + static_cast<long>(planes.height) * row_blocks;
  SquaredErrors change = {0, 0};
  for (int y = box.y0; y < box.y1; ++y) {
    for (int block = box.x0 / kScoreBlock; block * kScoreBlock < box.x1; ++block) {
      const int x = block * kScoreBlock;
      const BlockErrors now =
          score_block(planes, target, static_cast<long>(y) * planes.stride + x, mini(kScoreBlock, planes.width - x));
      const long index = static_cast<long>(y) * row_blocks + block;
      change.plain += static_cast<std::int64_t>(now.plain) - blocks[index];
      blocks[index] = now.plain;
      if (!target.weight) continue;
      change.weighted += static_cast<std::int64_t>(now.weighted) - weighted_blocks[index];
      weighted_blocks[index] = now.weighted;
    }
  }
  return change;
}

#define PYMYPAINT_QUOTE(name) #name
#define PYMYPAINT_STRING(name) PYMYPAINT_QUOTE(name)

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {PYMYPAINT_STRING(PYMYPAINT_KERNELS), draw_dab, sample, observe, score};

}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
