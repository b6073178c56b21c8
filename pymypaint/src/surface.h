// The surface that libmypaint's brush engine draws on: hands each dab straight to a canvas, with no queue and no tiles.
#pragma once

#include <mypaint-surface.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "canvas.h"

namespace pymypaint {

// What a dab paints with, in libmypaint's terms: a colour, the opacity that the dab pulls towards (1: plain paint, 0:
// an eraser), and the shares of the dab that keep the canvas' opacity or its luminance. All in [0, 1].
struct Ink {
  Ink() = default;
  Ink(float red, float green, float blue, float alpha, float lock_alpha, float colorize);

  std::uint16_t red = 0, green = 0, blue = 0, alpha = 0;  // 15-bit
  float normal = 0.0f, lock_alpha = 0.0f, colorize = 0.0f;
  bool is_opaque = false;
};

// A dab as it was drawn, in pixels and degrees; the rest is in [0, 1].
struct Dab {
  float x, y, radius, hardness, aspect_ratio, angle, opaque, red, green, blue, alpha, lock_alpha, colorize;
};
constexpr int kDabNumbers = sizeof(Dab) / sizeof(float);

class Surface {
 public:
  explicit Surface(Canvas& canvas);
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;

  MyPaintSurface* get() { return &link_.base; }

  // Draws a dab. False: it is too small or too faint.
  bool draw(float x, float y, float radius, float opaque, float hardness, float aspect_ratio, float angle,
            const Ink& ink);

  // Keeps a record of all dabs from now on, or no longer.
  void record(bool on) {
    recording_ = on;
    dabs_.clear();
  }
  std::vector<Dab> take_dabs() { return std::exchange(dabs_, {}); }

 private:
  struct Link {  // what libmypaint sees, and the way back from it
    MyPaintSurface base;
    Surface* surface;
  };
  static int draw_dab(MyPaintSurface*, float x, float y, float radius, float red, float green, float blue, float opaque,
                      float hardness, float alpha, float aspect_ratio, float angle, float lock_alpha, float colorize);
  static void get_color(MyPaintSurface*, float x, float y, float radius, float* red, float* green, float* blue,
                        float* alpha);
  void turn(float angle);

  Canvas& canvas_;
  Link link_;
  float angle_ = 0.0f, cosine_ = 1.0f, sine_ = 0.0f;
  bool recording_ = false;
  std::vector<Dab> dabs_;
};

}  // namespace pymypaint
