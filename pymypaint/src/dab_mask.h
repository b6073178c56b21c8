// Where a dab falls and how strongly: libmypaint's dab shapes, sixteen pixels at a time.
//
// Included by kernels.cpp only, once per instruction set: everything here belongs to that version.
#pragma once

#include <math.h>

#include "kernels.h"
#include "simd.h"

namespace pymypaint {
namespace PYMYPAINT_KERNELS {
namespace {

inline float clampf(float value, float low, float high) { return value > high ? high : value < low ? low : value; }
inline int mini(int a, int b) { return a < b ? a : b; }
inline int maxi(int a, int b) { return a > b ? a : b; }

// A dab relative to one tile, with what is constant over its pixels.
struct LocalDab {
  float x, y, aspect_ratio, cosine, sine, inverse_radius2, antialias_start;
  float hardness, offset1, slope1, offset2, slope2;
  bool antialias;
  float line_length2;  // of (cosine, sine): 1, but for rounding
  float reach;         // how far from its centre the dab can touch a pixel, with a margin for rounding
  // The same for an ellipse: pixel centres with x2*dx^2 + xy*dx*dy + y2*dy^2 <= reach^2.
  bool cull;
  float x2, xy, y2, inverse_x2;
};

// libmypaint passes tile-relative coordinates around as floats, so the subtraction must happen per tile.
LocalDab localise(const DabShape& dab, int tile_x, int tile_y) {
  LocalDab local;
  local.x = dab.x - static_cast<float>(tile_x * kTile);
  local.y = dab.y - static_cast<float>(tile_y * kTile);
  local.aspect_ratio = dab.aspect_ratio;
  local.cosine = dab.cosine;
  local.sine = dab.sine;
  local.line_length2 = dab.cosine * dab.cosine + dab.sine * dab.sine;
  local.inverse_radius2 = 1.0f / (dab.radius * dab.radius);
  local.antialias = dab.radius < 3.0f;
  const float start = dab.radius > 1.0f ? dab.radius - 1.0f : 0.0f;
  local.antialias_start = start * (start / dab.aspect_ratio);
  local.hardness = dab.hardness;
  local.offset1 = 1.0f;
  local.slope1 = -(1.0f / dab.hardness - 1.0f);
  local.offset2 = dab.hardness / (1.0f - dab.hardness);
  local.slope2 = -local.offset2;
  // An antialiased pixel counts if any of its points is within the radius, the others if their centre is.
  local.reach = dab.radius * 1.0001f + (local.antialias ? 0.51f : 0.01f);
  // Rows of a small round dab fit one block whatever their length.
  local.cull = !local.antialias && dab.aspect_ratio < 64.0f && (dab.radius > 3.5f || dab.aspect_ratio > 1.0f);
  const float a2 = dab.aspect_ratio * dab.aspect_ratio, c2 = dab.cosine * dab.cosine, s2 = dab.sine * dab.sine;
  local.x2 = a2 * s2 + c2;
  local.xy = 2.0f * dab.sine * dab.cosine * (1.0f - a2);
  local.y2 = a2 * c2 + s2;
  local.inverse_x2 = 1.0f / local.x2;
  return local;
}

inline int floor_int(float value) { return static_cast<int>(floorf(clampf(value, -1e6f, 1e6f))); }

// The pixels whose centres are in [centre - reach, centre + reach], as [first, last) within [0, size).
inline void pixel_span(float centre, float left, float right, int size, int& first, int& last) {
  first = maxi(0, floor_int(centre - left - 0.5f) + 1);
  last = mini(size, floor_int(centre + right - 0.5f) + 1);
}

// The part of a row of the tile that the dab can touch, by its outline: [first, last). False: none.
inline bool row_span(const LocalDab& dab, int row, int& first, int& last) {
  const float dy = static_cast<float>(row) + 0.5f - dab.y;
  const float b = 0.5f * dab.xy * dy;
  const float discriminant = b * b - dab.x2 * (dab.y2 * dy * dy - dab.reach * dab.reach);
  if (!(discriminant > 0.0f)) return false;
  const float half = sqrtf(discriminant);
  pixel_span(dab.x, (half + b) * dab.inverse_x2 + 0.01f, (half - b) * dab.inverse_x2 + 0.01f, kTile, first, last);
  return first < last;
}

[[gnu::always_inline]] inline Floats squared(Floats x, Floats y, const LocalDab& dab) {
  const Floats across = (y * dab.cosine - x * dab.sine) * dab.aspect_ratio;
  const Floats along = y * dab.sine + x * dab.cosine;
  return across * across + along * along;
}

// Opacity of the dab, times 2^15, at a squared normalised distance. Beyond 1 the outer segment is not positive (or not
// a number, for a dab with a hard edge), and the opacity 0.
[[gnu::always_inline]] inline Floats opacity_at(const LocalDab& dab, Floats rr) {
  const Floats inner = dab.offset1 + rr * dab.slope1, outer = dab.offset2 + rr * dab.slope2;
  const Floats opacity = choose(rr <= dab.hardness, inner, outer);
  return choose(opacity > 0.0f, opacity, Floats{}) * 32768.0f;
}

// The opacities of some pixels, given where they are in the tile.
[[gnu::always_inline]] inline Floats mask_plain(const LocalDab& dab, Floats column, Floats row) {
  const Floats xx = column + 0.5f - dab.x;
  const Floats yy = row + 0.5f - dab.y;
  return opacity_at(dab, squared(xx, yy, dab) * dab.inverse_radius2);
}

// Small dabs: libmypaint estimates how much of a pixel is covered from its nearest and its farthest point.
[[gnu::always_inline]] inline Floats mask_antialiased(const LocalDab& dab, Floats column, Floats row) {
  const float unit_disc = sqrtf(static_cast<float>(1.0f / 3.14159265358979323846));  // radius of a disc with area 1
  const Floats bottom = dab.y - row, centre_y = bottom - 0.5f, top = bottom - 1.0f;
  const Floats right = dab.x - column, centre_x = right - 0.5f, left = right - 1.0f;
  const Ints inside = (top < 0.0f) & (bottom > 0.0f) & (left < 0.0f) & (right > 0.0f);

  // The point of the pixel nearest to the dab's long axis, roughly.
  Floats t = centre_x * dab.cosine + centre_y * dab.sine;
  if (dab.line_length2 != 1.0f) t = t / dab.line_length2;
  const Floats near_x = choose(inside, Floats{}, clamp(dab.cosine * t, left, right));
  const Floats near_y = choose(inside, Floats{}, clamp(dab.sine * t, top, bottom));
  const Floats rr_near = choose(inside, Floats{}, squared(near_x, near_y, dab) * dab.inverse_radius2);

  const Floats side = (centre_x - dab.cosine) * dab.sine - dab.cosine * (centre_y + dab.sine);
  // x + (-y) is x - y, bit for bit.
  const Floats sine = choose(side < 0.0f, all<Floats>(-dab.sine), all<Floats>(dab.sine));
  const Floats cosine = choose(side < 0.0f, all<Floats>(-dab.cosine), all<Floats>(dab.cosine));
  const Floats far_x = near_x + sine * unit_disc;
  const Floats far_y = near_y - cosine * unit_disc;
  const Floats r_far = squared(far_x, far_y, dab);
  const Floats rr_far = r_far * dab.inverse_radius2;

  const Floats mean = (rr_far + rr_near) * 0.5f;
  const Floats faded = 1.0f - (1.0f - rr_near) / (1.0f + (rr_far - rr_near));
  const Floats rr = choose(r_far < dab.antialias_start, mean, faded);
  return opacity_at(dab, choose(rr_near > 1.0f, rr_near, rr));
}

// The pixels that are computed at once: as a row, or, for small dabs, as several short ones.
template <int kColumnsOfBlock>
class Block {
 public:
  static constexpr int kColumns = kColumnsOfBlock, kRows = kPixels / kColumns;

  template <bool kAntialiased>
  [[gnu::always_inline]] static Shorts mask(const LocalDab& dab, int row, int x0) {
    return to_shorts([&](int lane) __attribute__((always_inline)) {
      Floats x, y;
      for (int i = 0; i < kFloats; ++i) {
        x[i] = static_cast<float>((lane + i) % kColumns);
        y[i] = static_cast<float>((lane + i) / kColumns);
      }
      x += static_cast<float>(x0);
      y += static_cast<float>(row);
      return kAntialiased ? mask_antialiased(dab, x, y) : mask_plain(dab, x, y);
    });
  }

  // Never through an array: the processor would wait until its parts are stored.
  static Shorts load(const std::uint16_t* from, long stride) {
    if constexpr (kRows == 1) {
      return load_vector<Shorts>(from);
    } else if constexpr (kColumns == 8) {
      const Shorts8 top = load_vector<Shorts8>(from), bottom = load_vector<Shorts8>(from + stride);
      return join<Shorts>(top, bottom);
    } else {
      Rows rows;
      for (int r = 0; r < kRows; ++r) {
        std::uint64_t row;
        __builtin_memcpy(&row, from + r * stride, sizeof row);
        rows[r] = row;
      }
      return reinterpret_cast<Shorts>(rows);
    }
  }
  static void store(Shorts block, std::uint16_t* to, long stride) {
    if constexpr (kRows == 1) {
      store_vector(block, to);
    } else if constexpr (kColumns == 8) {
      store_vector<Shorts8>(__builtin_shufflevector(block, block, 0, 1, 2, 3, 4, 5, 6, 7), to);
      store_vector<Shorts8>(__builtin_shufflevector(block, block, 8, 9, 10, 11, 12, 13, 14, 15), to + stride);
    } else {
      const Rows rows = reinterpret_cast<Rows>(block);
      for (int r = 0; r < kRows; ++r) {
        const std::uint64_t row = rows[r];
        __builtin_memcpy(to + r * stride, &row, sizeof row);
      }
    }
  }

 private:
  typedef std::uint64_t Rows __attribute__((vector_size(2 * kPixels)));  // of four pixels each
};

// How the dab is cut into blocks on one tile.
struct Cut {
  int x0, y0, y1, width;
};

inline Cut cut(const LocalDab& dab, int rows) {
  Cut result;
  int x1;
  pixel_span(dab.x, dab.reach, dab.reach, kTile, result.x0, x1);
  pixel_span(dab.y, dab.reach, dab.reach, rows, result.y0, result.y1);
  result.width = x1 - result.x0;
  return result;
}

// Whether blocks of this shape, in one column, cover the dab without leaving the tile.
template <typename Shape>
inline bool fits(const Cut& dab, int rows) {
  const int needed = (dab.y1 - dab.y0 + Shape::kRows - 1) / Shape::kRows * Shape::kRows;
  return dab.width <= Shape::kColumns && needed <= rows;
}

// Calls body(row, x0, at) for each block of pixels of the tile that the dab may touch; pixel (row, x0) of the tile is
// planes.channel[...][at]. `corner` is where the tile's top left pixel is. Blocks of several rows must fit.
template <typename Shape, typename Body>
inline void for_each_block(const LocalDab& dab, const Cut& cut, long corner, long stride, int rows, const Body& body) {
  if (Shape::kRows > 1) {
    const int needed = (cut.y1 - cut.y0 + Shape::kRows - 1) / Shape::kRows * Shape::kRows;
    const int x0 = mini(cut.x0, kTile - Shape::kColumns), y0 = mini(cut.y0, rows - needed);
    for (int row = y0; row < y0 + needed; row += Shape::kRows) body(row, x0, corner + row * stride + x0);
    return;
  }
  for (int row = cut.y0; row < cut.y1; ++row) {
    int first = cut.x0, last = cut.x0 + cut.width;
    if (dab.cull && !row_span(dab, row, first, last)) continue;
    const int blocks = (last - first + Shape::kColumns - 1) / Shape::kColumns;
    first = mini(first, kTile - blocks * Shape::kColumns);
    for (int b = 0; b < blocks; ++b) {
      const int x = first + b * Shape::kColumns;
      body(row, x, corner + row * stride + x);
    }
  }
}

}  // namespace
}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
