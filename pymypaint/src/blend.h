// What a dab does to the pixels under it: libmypaint's blend modes, in its 15-bit fixed point arithmetic.
//
// Included by kernels.cpp only, once per instruction set: everything here belongs to that version.
#pragma once

#include "dab_mask.h"

namespace pymypaint {
namespace PYMYPAINT_KERNELS {
namespace {

// a * b / 2^15 for a, b in [0, 2^15], in 16-bit arithmetic: twice as many lanes as in 32.
inline Shorts scale(Shorts a, Shorts b) { return multiply_high(a, b) << 1 | (a * b) >> 15; }

// (cover * top + rest * bottom) / 2^15, where cover + rest = 2^15, in 16-bit arithmetic.
inline Shorts mix(Shorts cover, Shorts top, Shorts rest, Shorts bottom) {
  const Shorts low1 = cover * top, low = low1 + rest * bottom;
  const Shorts carry = reinterpret_cast<Shorts>(low < low1);  // -1 where the lower halves overflow
  const Shorts high = multiply_high(cover, top) + multiply_high(rest, bottom) - carry;
  return high << 1 | low >> 15;
}

template <typename Shape>
inline void blend_normal(const Planes& planes, long at, Shorts mask, const DabBlend& blend) {
  const Shorts cover = scale(mask, all<Shorts>(blend.normal));
  const Shorts rest = static_cast<std::uint16_t>(kOne) - cover;
  const std::uint16_t color[3] = {blend.red, blend.green, blend.blue};
  for (int c = 0; c < planes.colors; ++c) {
    std::uint16_t* value = planes.channel[c] + at;
    Shape::store(mix(cover, all<Shorts>(color[c]), rest, Shape::load(value, planes.stride)), value, planes.stride);
  }
  if (!planes.opaque) {
    std::uint16_t* alpha = planes.channel[3] + at;
    Shape::store(cover + scale(rest, Shape::load(alpha, planes.stride)), alpha, planes.stride);
  }
}

// The common case of blend_normal: an opaque canvas and no full colour. Then bottom + floor(cover * (top - bottom) /
// 2^15), which is the same integer, has factors that fit 16 bits with sign: twice the cover is an unsigned number,
// which a signed multiplication reads as one that is 2^16 too small. Only a cover of 2^15 does not fit; it takes a full
// opacity.
template <typename Shape, int kColors, bool kFullOpacity>
class Glaze {
 public:
  Glaze(const Planes& planes, const DabBlend& blend)
      : red_(planes.channel[0]),
        green_(planes.channel[1]),
        blue_(planes.channel[2]),
        red_color_(all<Shorts>(blend.red)),
        green_color_(all<Shorts>(blend.green)),
        blue_color_(all<Shorts>(blend.blue)),
        opacity_(all<Shorts>(blend.normal)),
        stride_(planes.stride) {}

  void operator()(long at, Shorts mask) const {
    const Shorts cover = kFullOpacity ? mask : scale(mask, opacity_);
    const Shorts doubled = cover << 1;
    const Shorts correct = sign(doubled);  // all bits set where the signed reading is too small
    const Shorts full = sign(cover);       // all bits set where the cover is 2^15
    blend(red_ + at, red_color_, doubled, correct, full);
    if (kColors == 1) return;
    blend(green_ + at, green_color_, doubled, correct, full);
    blend(blue_ + at, blue_color_, doubled, correct, full);
  }

 private:
  static Shorts sign(Shorts value) { return reinterpret_cast<Shorts>(reinterpret_cast<Signed>(value) >> 15); }

  // Sums are unsigned, where overflow is defined; they end in range.
  void blend(std::uint16_t* value, Shorts color, Shorts doubled, Shorts correct, Shorts full) const {
    const Shorts bottom = Shape::load(value, stride_);
    const Shorts difference = color - bottom;  // as a signed number, at least -2^15 and less than 2^15
    const Signed product = multiply_high(reinterpret_cast<Signed>(doubled), reinterpret_cast<Signed>(difference));
    Shorts result = bottom + (difference & correct) + reinterpret_cast<Shorts>(product);
    if (kFullOpacity) result += difference & full;  // where the cover is 2^15, doubling has lost it
    Shape::store(result, value, stride_);
  }

  std::uint16_t *red_, *green_, *blue_;
  Shorts red_color_, green_color_, blue_color_;
  Shorts opacity_;
  long stride_;
};

// Towards a colour that is itself partly transparent: smudging and erasing.
void blend_eraser(const Planes& planes, long at, int count, const std::uint16_t* mask, const DabBlend& blend) {
  for (int i = 0; i < count; ++i) {
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

void blend_lock_alpha(const Planes& planes, long at, int count, const std::uint16_t* mask, const DabBlend& blend) {
  for (int i = 0; i < count; ++i) {
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
void blend_colorize(const Planes& planes, long at, int count, const std::uint16_t* mask, const DabBlend& blend) {
  const int top_luma = static_cast<std::uint16_t>(luma(blend.red, blend.green, blend.blue) / 32768.0f);
  for (int i = 0; i < count; ++i) {
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

}  // namespace
}  // namespace PYMYPAINT_KERNELS
}  // namespace pymypaint
