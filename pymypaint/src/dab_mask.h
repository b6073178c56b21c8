// Where a dab falls and how strongly: libmypaint's dab shapes, eight or sixteen pixels at a time.
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
  float x2, xy, y2;
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
  local.slope2 = -dab.hardness / (1.0f - dab.hardness);
  // An antialiased pixel counts if any of its points is within the radius, the others if their centre is.
  local.reach = dab.radius * 1.0001f + (local.antialias ? 0.51f : 0.01f);
  // Rows of a small round dab fit one block whatever their length.
  local.cull = !local.antialias && dab.aspect_ratio < 64.0f && (dab.radius > 3.5f || dab.aspect_ratio > 1.0f);
  const float a2 = dab.aspect_ratio * dab.aspect_ratio, c2 = dab.cosine * dab.cosine, s2 = dab.sine * dab.sine;
  local.x2 = a2 * s2 + c2;
  local.xy = 2.0f * dab.sine * dab.cosine * (1.0f - a2);
  local.y2 = a2 * c2 + s2;
  return local;
}

inline int floor_int(float value) { return static_cast<int>(floorf(clampf(value, -1e6f, 1e6f))); }

// The pixels whose centres are in [centre - reach, centre + reach], as [first, last) within [0, size).
inline void pixel_span(float centre, float left, float right, int size, int& first, int& last) {
  first = maxi(0, floor_int(centre - left - 0.5f) + 1);
  last = mini(size, floor_int(centre + right - 0.5f) + 1);
}

// The pixels of a tile's row that the dab can touch, as blocks of kLanes from x0. False: none.
template <int kLanes>
inline bool row_span(const LocalDab& dab, int row, int& x0, int& blocks) {
  float left = dab.reach, right = dab.reach;
  if (dab.cull) {
    const float dy = static_cast<float>(row) + 0.5f - dab.y;
    const float b = 0.5f * dab.xy * dy;
    const float discriminant = b * b - dab.x2 * (dab.y2 * dy * dy - dab.reach * dab.reach);
    if (!(discriminant > 0.0f)) return false;
    const float half = sqrtf(discriminant);
    left = (half + b) / dab.x2 + 0.01f;
    right = (half - b) / dab.x2 + 0.01f;
  }
  int x1;
  pixel_span(dab.x, left, right, kTile, x0, x1);
  if (x0 >= x1) return false;
  blocks = (x1 - x0 + kLanes - 1) / kLanes;
  x0 = mini(x0, kTile - blocks * kLanes);
  return true;
}

inline Floats squared(Floats x, Floats y, const LocalDab& dab) {
  const Floats across = (y * dab.cosine - x * dab.sine) * dab.aspect_ratio;
  const Floats along = y * dab.sine + x * dab.cosine;
  return across * across + along * along;
}

// Opacity of the dab, times 2^15, at a squared normalised distance. Beyond 1 the outer segment is not positive (or not
// a number, for a dab with a hard edge), and the opacity 0.
inline Floats opacity_at(const LocalDab& dab, Floats rr) {
  const Floats inner = dab.offset1 + rr * dab.slope1, outer = dab.offset2 + rr * dab.slope2;
  const Floats opacity = choose(rr <= dab.hardness, inner, outer);
  return choose(opacity > 0.0f, opacity, Floats{}) * 32768.0f;
}

constexpr Floats kIndex = {0, 1, 2, 3, 4, 5, 6, 7};

inline Floats mask_plain(const LocalDab& dab, int row, int x0) {
  const Floats xx = (kIndex + static_cast<float>(x0)) + 0.5f - dab.x;
  const float yy = static_cast<float>(row) + 0.5f - dab.y;
  return opacity_at(dab, squared(xx, all<Floats>(yy), dab) * dab.inverse_radius2);
}

// Small dabs: libmypaint estimates how much of a pixel is covered from its nearest and its farthest point.
inline Floats mask_antialiased(const LocalDab& dab, int row, int x0) {
  const float unit_disc = sqrtf(static_cast<float>(1.0f / 3.14159265358979323846));  // radius of a disc with area 1
  const float bottom = dab.y - static_cast<float>(row);
  const float centre_y = bottom - 0.5f, top = bottom - 1.0f;
  const Floats right = dab.x - (kIndex + static_cast<float>(x0));
  const Floats centre_x = right - 0.5f, left = right - 1.0f;
  const bool row_inside = top < 0 && bottom > 0;
  const Ints inside = row_inside ? (left < 0.0f) & (right > 0.0f) : Ints{};

  // The point of the pixel nearest to the dab's long axis, roughly.
  Floats t = centre_x * dab.cosine + centre_y * dab.sine;
  if (dab.line_length2 != 1.0f) t = t / dab.line_length2;
  const Floats near_x = choose(inside, Floats{}, clamp(dab.cosine * t, left, right));
  const Floats near_y = choose(inside, Floats{}, clamp(dab.sine * t, all<Floats>(top), all<Floats>(bottom)));
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

// Small dabs are antialiased, and at most 8 pixels wide; the others are drawn 8 or 16 pixels at a time.
struct Antialiased {
  typedef Shorts8 Shorts;
  typedef Signed8 Signed;
  static constexpr int kLanes = 8;
  static Shorts mask(const LocalDab& dab, int row, int x0) { return to_shorts(mask_antialiased(dab, row, x0)); }
};
struct Plain {
  typedef Shorts8 Shorts;
  typedef Signed8 Signed;
  static constexpr int kLanes = 8;
  static Shorts mask(const LocalDab& dab, int row, int x0) { return to_shorts(mask_plain(dab, row, x0)); }
};
#if defined(__AVX2__)
struct PlainWide {
  typedef Shorts16 Shorts;
  typedef Signed16 Signed;
  static constexpr int kLanes = 16;
  static Shorts mask(const LocalDab& dab, int row, int x0) {
    return to_shorts(mask_plain(dab, row, x0), mask_plain(dab, row, x0 + 8));
  }
};
#else
typedef Plain PlainWide;
#endif

// Calls body(row, x0, at) for each block of pixels of the tile that the dab may touch; pixel (row, x0) of the tile is
// planes.channel[...][at]. `corner` is where the tile's top left pixel is.
template <int kLanes, typename Body>
inline void for_each_block(const LocalDab& dab, long corner, long stride, int rows, const Body& body) {
  int y0, y1, x0 = 0, blocks = 0;
  pixel_span(dab.y, dab.reach, dab.reach, rows, y0, y1);
  if (!dab.cull && !row_span<kLanes>(dab, y0, x0, blocks)) return;
  for (int row = y0; row < y1; ++row) {
    if (dab.cull && !row_span<kLanes>(dab, row, x0, blocks)) continue;
    const long start = corner + row * stride;
    for (int x = x0; x < x0 + blocks * kLanes; x += kLanes) body(row, x, start + x);
  }
}

}  // namespace
}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
