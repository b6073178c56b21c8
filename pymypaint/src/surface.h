// The surface that libmypaint's brush engine draws on: hands each dab straight to a canvas, with no queue and no tiles.
#pragma once

#include <libmypaint/mypaint-surface.h>

#include "canvas.h"

namespace pymypaint {

class Surface {
 public:
  explicit Surface(Canvas& canvas);
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;

  MyPaintSurface* get() { return &link_.base; }

  // Draws a dab of libmypaint's terms: colour and opacities in [0, 1], angle in degrees, `alpha` the opacity that the
  // dab pulls towards (1: plain paint, 0: eraser). False: it is too small or too faint to draw.
  bool draw(float x, float y, float radius, float red, float green, float blue, float opaque, float hardness,
            float alpha, float aspect_ratio, float angle, float lock_alpha, float colorize);

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
};

}  // namespace pymypaint
