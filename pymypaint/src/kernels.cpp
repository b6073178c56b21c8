// Compiled several times, with PYMYPAINT_KERNELS as the name of the version. No standard templates in here: their code
// would be emitted with this file's instruction set and might be linked into the rest of the module.
#include "kernels.h"

#include <math.h>

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
  float reach;  // how far from its centre the dab can touch a pixel, with a margin for rounding
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

// 15-bit opacity of the dab at a squared normalised distance.
inline Shorts opacity_at(const LocalDab& dab, Floats rr) {
  const Floats inner = dab.offset1 + rr * dab.slope1, outer = dab.offset2 + rr * dab.slope2;
  const Floats opacity = choose(rr <= dab.hardness, inner, outer);
  return to_shorts(choose(rr > 1.0f, Floats{}, opacity) * 32768.0f);
}

constexpr Floats kIndex = {0, 1, 2, 3, 4, 5, 6, 7};

inline Shorts mask_plain(const LocalDab& dab, int row, int x0) {
  const Floats xx = (kIndex + static_cast<float>(x0)) + 0.5f - dab.x;
  const float yy = static_cast<float>(row) + 0.5f - dab.y;
  return opacity_at(dab, squared(xx, all(yy), dab) * dab.inverse_radius2);
}

// Small dabs: libmypaint estimates how much of a pixel is covered from its nearest and its farthest point.
inline Shorts mask_antialiased(const LocalDab& dab, int row, int x0) {
  const float unit_disc = sqrtf(static_cast<float>(1.0f / 3.14159265358979323846));  // radius of a disc with area 1
  const float line_length2 = dab.cosine * dab.cosine + dab.sine * dab.sine;
  const float bottom = dab.y - static_cast<float>(row);
  const float centre_y = bottom - 0.5f, top = bottom - 1.0f;
  const Floats right = dab.x - (kIndex + static_cast<float>(x0));
  const Floats centre_x = right - 0.5f, left = right - 1.0f;
  const bool row_inside = top < 0 && bottom > 0;
  const Ints inside = row_inside ? (left < 0.0f) & (right > 0.0f) : Ints{};

  // The point of the pixel nearest to the dab's long axis, roughly.
  const Floats t = (centre_x * dab.cosine + centre_y * dab.sine) / line_length2;
  const Floats near_x = choose(inside, Floats{}, clamp(dab.cosine * t, left, right));
  const Floats near_y = choose(inside, Floats{}, clamp(dab.sine * t, all(top), all(bottom)));
  const Floats rr_near = choose(inside, Floats{}, squared(near_x, near_y, dab) * dab.inverse_radius2);

  const Floats side = (centre_x - dab.cosine) * dab.sine - dab.cosine * (centre_y + dab.sine);
  // x + (-y) is x - y, bit for bit.
  const Floats sine = choose(side < 0.0f, all(-dab.sine), all(dab.sine));
  const Floats cosine = choose(side < 0.0f, all(-dab.cosine), all(dab.cosine));
  const Floats far_x = near_x + sine * unit_disc;
  const Floats far_y = near_y - cosine * unit_disc;
  const Floats r_far = squared(far_x, far_y, dab);
  const Floats rr_far = r_far * dab.inverse_radius2;

  const Floats mean = (rr_far + rr_near) * 0.5f;
  const Floats faded = 1.0f - (1.0f - rr_near) / (1.0f + (rr_far - rr_near));
  const Floats rr = choose(r_far < dab.antialias_start, mean, faded);
  return opacity_at(dab, choose(rr_near > 1.0f, rr_near, rr));
}

template <bool kAntialias>
inline Shorts mask_block(const LocalDab& dab, int row, int x0) {
  return kAntialias ? mask_antialiased(dab, row, x0) : mask_plain(dab, row, x0);
}

// a * b / 2^15 for a, b in [0, 2^15], in 16-bit arithmetic: twice as many lanes as in 32.
inline Shorts scale(Shorts a, Shorts b) { return multiply_high(a, b) << 1 | (a * b) >> 15; }

// (cover * top + rest * bottom) / 2^15, where cover + rest = 2^15, in 16-bit arithmetic.
inline Shorts mix(Shorts cover, Shorts top, Shorts rest, Shorts bottom) {
  const Shorts low1 = cover * top, low = low1 + rest * bottom;
  const Shorts carry = reinterpret_cast<Shorts>(low < low1);  // -1 where the lower halves overflow
  const Shorts high = multiply_high(cover, top) + multiply_high(rest, bottom) - carry;
  return high << 1 | low >> 15;
}

inline void blend_normal(const Planes& planes, long at, Shorts mask, const DabBlend& blend) {
  const Shorts cover = scale(mask, all(blend.normal));
  const Shorts rest = static_cast<std::uint16_t>(kOne) - cover;
  const std::uint16_t color[3] = {blend.red, blend.green, blend.blue};
  for (int c = 0; c < 3; ++c) {
    std::uint16_t* value = planes.channel[c] + at;
    store(mix(cover, all(color[c]), rest, load(value)), value);
  }
  if (!planes.opaque) {
    std::uint16_t* alpha = planes.channel[3] + at;
    store(cover + scale(rest, load(alpha)), alpha);
  }
}

// Towards a colour that is itself partly transparent: smudging and erasing.
void blend_eraser(const Planes& planes, long at, const std::uint16_t* mask, const DabBlend& blend) {
  for (int i = 0; i < kLanes; ++i) {
    const std::uint32_t cover = static_cast<std::uint32_t>(mask[i]) * blend.normal >> 15;
    const std::uint32_t bottom = kOne - cover;
    const std::uint32_t top = cover * blend.alpha >> 15;
    const std::uint32_t color[3] = {blend.red, blend.green, blend.blue};
    for (int c = 0; c < 3; ++c) {
      std::uint16_t& value = planes.channel[c][at + i];
      value = static_cast<std::uint16_t>((top * color[c] + bottom * value) >> 15);
    }
    std::uint16_t& alpha = planes.channel[3][at + i];
    alpha = static_cast<std::uint16_t>(top + (bottom * alpha >> 15));
  }
}

void blend_lock_alpha(const Planes& planes, long at, const std::uint16_t* mask, const DabBlend& blend) {
  for (int i = 0; i < kLanes; ++i) {
    const std::uint32_t cover = static_cast<std::uint32_t>(mask[i]) * blend.lock_alpha >> 15;
    const std::uint32_t bottom = kOne - cover;
    const std::uint32_t top = cover * planes.channel[3][at + i] >> 15;
    const std::uint32_t color[3] = {blend.red, blend.green, blend.blue};
    for (int c = 0; c < 3; ++c) {
      std::uint16_t& value = planes.channel[c][at + i];
      value = static_cast<std::uint16_t>((top * color[c] + bottom * value) >> 15);
    }
  }
}

inline float luma(int red, int green, int blue) {
  const float wr = static_cast<float>(0.2126 * 32768), wg = static_cast<float>(0.7152 * 32768);
  const float wb = static_cast<float>(0.0722 * 32768);
  return static_cast<float>(red) * wr + static_cast<float>(green) * wg + static_cast<float>(blue) * wb;
}

// The brush's hue and saturation with the canvas' luminance (PDF's non-separable "Color" mode).
void blend_colorize(const Planes& planes, long at, const std::uint16_t* mask, const DabBlend& blend) {
  const int top_luma = static_cast<std::uint16_t>(luma(blend.red, blend.green, blend.blue) / 32768.0f);
  for (int i = 0; i < kLanes; ++i) {
    if (mask[i] == 0) continue;
    const std::uint32_t alpha = planes.channel[3][at + i];
    int straight[3] = {0, 0, 0};
    if (alpha != 0) {
      for (int c = 0; c < 3; ++c) {
        straight[c] = static_cast<std::uint16_t>((static_cast<std::uint32_t>(planes.channel[c][at + i]) << 15) / alpha);
      }
    }
    const int bottom_luma = static_cast<std::uint16_t>(luma(straight[0], straight[1], straight[2]) / 32768.0f);
    const int shift = static_cast<std::int16_t>(bottom_luma - top_luma);
    int color[3] = {blend.red + shift, blend.green + shift, blend.blue + shift};
    const int light = static_cast<int>(luma(color[0], color[1], color[2]) / 32768.0f);
    const int lowest = mini(color[0], mini(color[1], color[2])), highest = maxi(color[0], maxi(color[1], color[2]));
    const int one = static_cast<int>(kOne);
    for (int c = 0; c < 3; ++c) {
      if (lowest < 0 && light != lowest) color[c] = light + ((color[c] - light) * light) / (light - lowest);
      if (highest > one && highest != light) {
        color[c] = light + ((color[c] - light) * (one - light)) / (highest - light);
      }
    }
    const std::uint32_t cover = static_cast<std::uint32_t>(mask[i]) * blend.colorize >> 15;
    for (int c = 0; c < 3; ++c) {
      const std::uint32_t premultiplied =
          static_cast<std::uint16_t>(static_cast<std::uint32_t>(static_cast<std::uint16_t>(color[c])) * alpha >> 15);
      std::uint16_t& value = planes.channel[c][at + i];
      value = static_cast<std::uint16_t>((cover * premultiplied + (kOne - cover) * value) >> 15);
    }
  }
}

inline int tile_of(float value) { return floor_int(clampf(value, -1e6f, 1e6f) / kTile); }

// Draws a dab on one tile whose top left pixel is planes.channel[...][corner].
template <bool kAntialias>
void draw_on_tile(const Planes& planes, long corner, int rows, const LocalDab& dab, const DabBlend& blend) {
  const bool only_normal = blend.use_normal && !blend.use_lock_alpha && !blend.use_colorize;
  int y0, y1, x0 = 0, blocks = 0;
  pixel_span(dab.y, dab.reach, dab.reach, rows, y0, y1);
  if (!dab.cull && !row_span(dab, y0, x0, blocks)) return;
  for (int row = y0; row < y1; ++row) {
    if (dab.cull && !row_span(dab, row, x0, blocks)) continue;
    const long start = corner + static_cast<long>(row) * planes.stride + x0;
    for (int b = 0; b < blocks; ++b) {
      const long at = start + b * kLanes;
      const Shorts mask = mask_block<kAntialias>(dab, row, x0 + b * kLanes);
      if (only_normal) {
        blend_normal(planes, at, mask, blend);
        continue;
      }
      std::uint16_t values[kLanes];
      store(mask, values);
      if (blend.use_normal) blend_normal(planes, at, mask, blend);
      if (blend.use_eraser) blend_eraser(planes, at, values, blend);
      if (blend.use_lock_alpha) blend_lock_alpha(planes, at, values, blend);
      if (blend.use_colorize) blend_colorize(planes, at, values, blend);
    }
  }
}

void draw_dab(const Planes& planes, const DabShape& dab, const DabBlend& blend) {
  const float fringe = dab.radius + 1.0f;
  const int tx0 = maxi(0, tile_of(dab.x - fringe)), tx1 = mini((planes.width - 1) / kTile, tile_of(dab.x + fringe));
  const int ty0 = maxi(0, tile_of(dab.y - fringe)), ty1 = mini((planes.height - 1) / kTile, tile_of(dab.y + fringe));
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
template <bool kAntialias>
TileSums sample_tile(const Planes& planes, int left, int top, const LocalDab& dab) {
  TileSums sums = {0, {0, 0, 0, 0}};
  int y0, y1, x0, blocks;
  pixel_span(dab.y, dab.reach, dab.reach, kTile, y0, y1);
  for (int row = y0; row < y1; ++row) {
    if (!row_span(dab, row, x0, blocks)) continue;
    for (int b = 0; b < blocks; ++b) {
      std::uint16_t mask[kLanes];
      store(mask_block<kAntialias>(dab, row, x0 + b * kLanes), mask);
      const int y = top + row, x = left + x0 + b * kLanes;
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
    }
  }
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
inline Shorts to_byte(Shorts fix15) {
  const Shorts factor = all(std::uint16_t{510});
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
inline Bytes observe_channel(const Planes& planes, int c, long at) {
  Shorts half[2];
  for (int h = 0; h < 2; ++h) {
    const long from = at + h * kLanes;
    half[h] = load(planes.channel[c] + from);
    if (!planes.opaque) {
      for (int i = 0; i < kLanes; ++i) half[h][i] = unpremultiply(half[h][i], planes.channel[3][from + i]);
    }
    half[h] = to_byte(half[h]);
  }
  return __builtin_convertvector(
      __builtin_shufflevector(half[0], half[1], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), Bytes);
}

void observe(const Planes& planes, const Rect& rect, int channels, std::uint8_t* out) {
  constexpr int kBlock = 16;
  for (int y = rect.y0; y < rect.y1; ++y) {
    const long row = static_cast<long>(y) * planes.stride;
    for (int x = rect.x0 / kBlock * kBlock; x < rect.x1; x += kBlock) {  // never beyond the stride
      Bytes color[3];
      for (int c = 0; c < channels; ++c) color[c] = observe_channel(planes, c, row + x);
      std::uint8_t* pixels = out + (static_cast<long>(y) * planes.width + x) * channels;
      const int count = mini(kBlock, planes.width - x);
      if (channels == 3 && count == kBlock) {
        store_rgb(color[0], color[1], color[2], pixels);
      } else {
        for (int i = 0; i < count; ++i) {
          for (int c = 0; c < channels; ++c) pixels[i * channels + c] = color[c][i];
        }
      }
    }
  }
}

#define PYMYPAINT_QUOTE(name) #name
#define PYMYPAINT_STRING(name) PYMYPAINT_QUOTE(name)

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {PYMYPAINT_STRING(PYMYPAINT_KERNELS), draw_dab, sample, observe};

}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
