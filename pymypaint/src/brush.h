// The brush engine: from pointer positions to dabs. `LibmypaintBrush` asks libmypaint; `FastBrush` (fast_brush.h)
// computes the same dabs for the brushes that use the common part of its engine, several times faster.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mypaint-brush.h>

#include "surface.h"

namespace pymypaint {

// What a .myb file says: settings that it leaves out stay 0, as in the published environment.
struct BrushSettings {
  struct Curve {
    MyPaintBrushInput input;
    std::vector<std::pair<float, float>> points;
  };
  struct Setting {
    MyPaintBrushSetting id;
    float base_value;
    std::vector<Curve> curves;
  };
  std::vector<Setting> settings;

  static bool has_setting(const std::string& name);
  static bool has_input(const std::string& name);
  // Name and default of every setting.
  static std::vector<std::pair<std::string, float>> defaults();
  // Both throw std::invalid_argument if libmypaint does not know the name.
  static MyPaintBrushSetting setting_id(const std::string& name);
  static MyPaintBrushInput input_id(const std::string& name);
};

class Brush {
 public:
  virtual ~Brush() = default;

  void set_radius(double log_radius) { set(MYPAINT_BRUSH_SETTING_RADIUS_LOGARITHMIC, static_cast<float>(log_radius)); }
  // RGB in [0, 1], converted to HSV in double precision as the published environment does.
  void set_color(double red, double green, double blue);

  // Becomes a copy of `other`, a brush of the same kind and settings: same state, same random numbers to come.
  virtual void assign(const Brush& other) = 0;
  virtual bool can_assign() const { return true; }
  virtual void lift() = 0;  // forget where the brush is: the next update only places it
  virtual void update(Surface& surface, float x, float y, float pressure) = 0;
  // Lifts the brush and puts it down here at rest. An `update` after `lift` puts a brush with slow tracking somewhere
  // between where it was and here.
  virtual void place(Surface& surface, float x, float y) = 0;

 protected:
  static constexpr double kLongSeconds = 1000.0;
  // The published environment's time between updates. 0.1 as float32 is a little more than 0.1: libmypaint's workaround
  // for tablets that report no motion without pressure, which asks for more than 0.1 s, depends on it.
  static constexpr double kUpdateSeconds = static_cast<double>(0.1f);

  virtual void set(MyPaintBrushSetting id, float value) = 0;
};

class LibmypaintBrush final : public Brush {
 public:
  explicit LibmypaintBrush(const BrushSettings& settings);
  void assign(const Brush& other) override;
  bool can_assign() const override;
  void lift() override;
  void update(Surface& surface, float x, float y, float pressure) override;
  void place(Surface& surface, float x, float y) override;

 protected:
  void set(MyPaintBrushSetting id, float value) override;

 private:
  struct Release {
    void operator()(MyPaintBrush* brush) const { mypaint_brush_unref(brush); }
  };
  std::unique_ptr<MyPaintBrush, Release> brush_;
};

// The fast engine where it covers the brush, else libmypaint's; always libmypaint's if `only_libmypaint`.
std::unique_ptr<Brush> make_brush(const BrushSettings& settings, bool only_libmypaint);

}  // namespace pymypaint
