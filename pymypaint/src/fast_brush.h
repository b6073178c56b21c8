// libmypaint 1.6's brush engine for the brushes that use its common part, computed without what they do not use.
//
// libmypaint evaluates every setting, input and filter at every step, some 0.7 us each, most of it for nothing: few
// settings of a brush are dynamic, and few inputs feed them. Here the constant part is computed once per change of a
// setting, and a filter runs only if an input reads it. What is left is the same float32 and float64 arithmetic in the
// same order, so the dabs are the same bits; tests/test_engines.py compares the two engines over all brushes of the
// system. Brushes outside the common part (smudging, colour dynamics, tilt, ...) are painted by libmypaint itself.
#pragma once

#include <vector>

#include "brush.h"
#include "random.h"

namespace pymypaint {

class FastBrush final : public Brush {
 public:
  static bool covers(const BrushSettings& settings);
  explicit FastBrush(const BrushSettings& settings);

  void assign(const Brush& other) override { *this = static_cast<const FastBrush&>(other); }
  void lift() override { lifted_ = true; }
  void place(Surface& surface, float x, float y) override {
    lift();
    move(surface, x, y, 0.0f, kLongSeconds);
  }
  void update(Surface& surface, float x, float y, float pressure) override {
    move(surface, x, y, pressure, kUpdateSeconds);
  }

 protected:
  void set(MyPaintBrushSetting id, float value) override;

 private:
  struct Point {
    float x, y;
  };
  struct Curve {
    MyPaintBrushInput input;
    int first, last;  // of points_
  };
  struct Dynamic {  // a setting that depends on inputs
    int id;
    int first, end;  // of curves_
  };
  struct Step {  // the part of the way to the next event that one step covers
    float dabs, x, y, pressure, seconds;
  };
  // What changes during a stroke, and is forgotten when the brush is lifted.
  struct State {
    float x = 0, y = 0, pressure = 0, actual_x = 0, actual_y = 0;  // `actual` follows by slow_tracking_per_dab
    float partial_dabs = 0, radius = 0, ratio = 0, angle = 0;
    float speed[2] = {0, 0};
    float direction_x = 0, direction_y = 0;
    float stroke = 0, custom = 0;
    bool stroke_started = false;
  };

  void move(Surface& surface, float x, float y, float pressure, double seconds);
  void step(const Step& step);
  void read_inputs();
  float evaluate(const Curve& curve) const;
  void run_filters(const Step& step);
  void shape_dab();
  void draw(Surface& surface);
  void mix_ink();
  float count_dabs(float x, float y, float seconds);
  float opaque() const;
  void refresh();
  // To the radii that libmypaint draws, 0.2 (as float32) to 1000 px.
  static float clamp_radius(float radius) {
    return radius > 1000.0f ? 1000.0f : static_cast<double>(radius) < 0.2 ? static_cast<float>(0.2) : radius;
  }

  std::vector<Dynamic> dynamics_;
  std::vector<Curve> curves_;
  std::vector<Point> points_;
  bool uses_[MYPAINT_BRUSH_INPUTS_COUNT] = {};
  float base_[MYPAINT_BRUSH_SETTINGS_COUNT] = {};
  float value_[MYPAINT_BRUSH_SETTINGS_COUNT] = {};  // base value plus dynamics, as of the last step
  float inputs_[MYPAINT_BRUSH_INPUTS_COUNT] = {};
  State state_;
  Random random_;
  float random_input_ = 0.0f;
  bool lifted_ = true;

  // Follows from base values alone.
  bool stale_ = true;
  float base_radius_, spacing_radius_, pressure_gain_, linear_exponent_;
  float red_, green_, blue_;
  Ink ink_;
  bool ink_is_dynamic_ = false;
  float speed_gamma_[2], speed_slope_[2], speed_offset_[2];
  double tracking_seconds_ = -1.0;
  float tracking_ = 0.0f;
  // Of the last angle.
  float asked_angle_ = 0.0f, angle_ = 0.0f;
  float turned_ = 0.0f, cosine_ = 1.0f, sine_ = 0.0f;
};

}  // namespace pymypaint
