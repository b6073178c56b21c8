#include "surface.h"

#include <cmath>

namespace pymypaint {
namespace {

// To [0, 1]; not a number becomes 0.
inline float clamp_unit(float value) {
  value = value > 0.0f ? value : 0.0f;
  return value < 1.0f ? value : 1.0f;
}

// Of a value in [0, 1]; truncates, as libmypaint does.
inline std::uint16_t to_fix15(float value) { return static_cast<std::uint16_t>(static_cast<int>(value * 32768.0f)); }

}  // namespace

// Most brushes never turn their dabs, so the last angle's cosine and sine are kept.
void Surface::turn(float angle) {
  if (angle == angle_) return;
  angle_ = angle;
  const float radians = static_cast<float>(static_cast<double>(angle / 360 * 2) * 3.14159265358979323846);
  cosine_ = static_cast<float>(std::cos(static_cast<double>(radians)));
  sine_ = static_cast<float>(std::sin(static_cast<double>(radians)));
}

Surface::Surface(Canvas& canvas) : canvas_(canvas), link_{} {
  mypaint_surface_init(&link_.base);
  link_.base.draw_dab = draw_dab;
  link_.base.get_color = get_color;
  link_.surface = this;
}

Ink::Ink(float red, float green, float blue, float alpha, float lock_alpha, float colorize)
    : red(to_fix15(clamp_unit(red))),
      green(to_fix15(clamp_unit(green))),
      blue(to_fix15(clamp_unit(blue))),
      alpha(to_fix15(clamp_unit(alpha))),
      lock_alpha(clamp_unit(lock_alpha)),
      colorize(clamp_unit(colorize)),
      is_opaque(clamp_unit(alpha) == 1.0f) {
  normal = (1.0f - this->lock_alpha) * (1.0f - this->colorize);
}

int Surface::draw_dab(MyPaintSurface* base, float x, float y, float radius, float red, float green, float blue,
                      float opaque, float hardness, float alpha, float aspect_ratio, float angle, float lock_alpha,
                      float colorize) {
  const Ink ink(red, green, blue, alpha, lock_alpha, colorize);
  return reinterpret_cast<Link*>(base)->surface->draw(x, y, radius, opaque, hardness, aspect_ratio, angle, ink);
}

bool Surface::draw(float x, float y, float radius, float opaque, float hardness, float aspect_ratio, float angle,
                   const Ink& ink) {
  opaque = clamp_unit(opaque);
  hardness = clamp_unit(hardness);
  // libmypaint's own surface refuses these too (and not what is not a number).
  if (!(radius >= 0.1f) || hardness == 0.0f || opaque == 0.0f) return false;
  if (!(std::isfinite(x) && std::isfinite(y) && std::isfinite(radius) && std::isfinite(angle))) return false;

  DabBlend blend{};
  blend.red = ink.red;
  blend.green = ink.green;
  blend.blue = ink.blue;
  blend.alpha = ink.alpha;
  blend.use_normal = ink.normal != 0.0f && ink.is_opaque;
  blend.use_eraser = ink.normal != 0.0f && !ink.is_opaque;
  blend.use_lock_alpha = ink.lock_alpha != 0.0f;
  blend.use_colorize = ink.colorize != 0.0f;
  blend.normal = to_fix15(ink.normal * opaque);
  if (blend.use_lock_alpha) blend.lock_alpha = to_fix15(ink.lock_alpha * opaque * (1.0f - ink.colorize));
  if (blend.use_colorize) blend.colorize = to_fix15(ink.colorize * opaque);

  if (!(aspect_ratio >= 1.0f)) aspect_ratio = 1.0f;
  if (recording_) {
    const auto unit = [](std::uint16_t fix15) { return static_cast<float>(fix15) / 32768.0f; };
    dabs_.push_back({x, y, radius, hardness, aspect_ratio, angle, opaque, unit(ink.red), unit(ink.green),
                     unit(ink.blue), unit(ink.alpha), ink.lock_alpha, ink.colorize});
  }
  turn(angle);
  canvas_.draw_dab({x, y, radius, hardness, aspect_ratio, cosine_, sine_}, blend);
  return true;
}

void Surface::get_color(MyPaintSurface* base, float x, float y, float radius, float* red, float* green, float* blue,
                        float* alpha) {
  *red = *blue = *alpha = 0.0f;
  *green = 1.0f;
  if (!(std::isfinite(x) && std::isfinite(y) && std::isfinite(radius))) return;
  if (radius < 1.0f) radius = 1.0f;
  const ColorSums sums = reinterpret_cast<Link*>(base)->surface->canvas_.sample({x, y, radius, 0.5f, 1.0f, 1.0f, 0.0f});
  if (!(sums.weight > 0.0f)) return;
  const float mean_alpha = sums.alpha / sums.weight;
  *alpha = clamp_unit(mean_alpha);
  if (mean_alpha > 0.0f) {
    *red = clamp_unit(sums.red / sums.weight / mean_alpha);
    *green = clamp_unit(sums.green / sums.weight / mean_alpha);
    *blue = clamp_unit(sums.blue / sums.weight / mean_alpha);
  }
}

}  // namespace pymypaint
