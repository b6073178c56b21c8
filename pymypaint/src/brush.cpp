#include "brush.h"

#include <algorithm>
#include <stdexcept>

#include "brush_internals.h"
#include "fast_brush.h"

namespace pymypaint {

bool BrushSettings::has_setting(const std::string& name) {
  const int id = static_cast<int>(mypaint_brush_setting_from_cname(name.c_str()));
  return id >= 0 && id < MYPAINT_BRUSH_SETTINGS_COUNT;
}

bool BrushSettings::has_input(const std::string& name) {
  const int id = static_cast<int>(mypaint_brush_input_from_cname(name.c_str()));
  return id >= 0 && id < MYPAINT_BRUSH_INPUTS_COUNT;
}

std::vector<std::pair<std::string, float>> BrushSettings::defaults() {
  std::vector<std::pair<std::string, float>> result;
  for (int id = 0; id < MYPAINT_BRUSH_SETTINGS_COUNT; ++id) {
    const MyPaintBrushSettingInfo* info = mypaint_brush_setting_info(static_cast<MyPaintBrushSetting>(id));
    result.emplace_back(info->cname, info->def);
  }
  return result;
}

MyPaintBrushSetting BrushSettings::setting_id(const std::string& name) {
  if (!has_setting(name)) throw std::invalid_argument("libmypaint has no brush setting '" + name + "'");
  return mypaint_brush_setting_from_cname(name.c_str());
}

MyPaintBrushInput BrushSettings::input_id(const std::string& name) {
  if (!has_input(name)) throw std::invalid_argument("libmypaint has no brush input '" + name + "'");
  return mypaint_brush_input_from_cname(name.c_str());
}

LibmypaintBrush::LibmypaintBrush(const BrushSettings& settings) : brush_(mypaint_brush_new()) {
  if (!brush_) throw std::bad_alloc();
  for (const auto& setting : settings.settings) {
    set(setting.id, setting.base_value);
    for (const auto& curve : setting.curves) {
      mypaint_brush_set_mapping_n(brush_.get(), setting.id, curve.input, static_cast<int>(curve.points.size()));
      for (std::size_t i = 0; i < curve.points.size(); ++i) {
        const auto [x, y] = curve.points[i];
        mypaint_brush_set_mapping_point(brush_.get(), setting.id, curve.input, static_cast<int>(i), x, y);
      }
    }
  }
}

bool LibmypaintBrush::can_assign() const { return internals_are_known(); }

void LibmypaintBrush::assign(const Brush& other) {
  MyPaintBrush* from = static_cast<const LibmypaintBrush&>(other).brush_.get();
  // Of the settings, only those that a stroke sets can differ.
  for (const auto id : {MYPAINT_BRUSH_SETTING_RADIUS_LOGARITHMIC, MYPAINT_BRUSH_SETTING_COLOR_H,
                        MYPAINT_BRUSH_SETTING_COLOR_S, MYPAINT_BRUSH_SETTING_COLOR_V}) {
    const float value = mypaint_brush_get_base_value(from, id);
    if (value != mypaint_brush_get_base_value(brush_.get(), id)) set(id, value);
  }
  for (int i = 0; i < MYPAINT_BRUSH_STATES_COUNT; ++i) {
    const auto state = static_cast<MyPaintBrushState>(i);
    mypaint_brush_set_state(brush_.get(), state, mypaint_brush_get_state(from, state));
  }
  BrushInternals::of(brush_.get()).assign(BrushInternals::of(from));
}

void LibmypaintBrush::lift() {
  mypaint_brush_reset(brush_.get());
  mypaint_brush_new_stroke(brush_.get());
}

void LibmypaintBrush::update(Surface& surface, float x, float y, float pressure) {
  mypaint_brush_stroke_to(brush_.get(), surface.get(), x, y, pressure, 0.0f, 0.0f, kUpdateSeconds);
}

void LibmypaintBrush::place(Surface& surface, float x, float y) {
  lift();
  mypaint_brush_stroke_to(brush_.get(), surface.get(), x, y, 0.0f, 0.0f, 0.0f, kLongSeconds);
}

void LibmypaintBrush::set(MyPaintBrushSetting id, float value) {
  mypaint_brush_set_base_value(brush_.get(), id, value);
}

std::unique_ptr<Brush> make_brush(const BrushSettings& settings, bool only_libmypaint) {
  if (!only_libmypaint && FastBrush::covers(settings)) return std::make_unique<FastBrush>(settings);
  return std::make_unique<LibmypaintBrush>(settings);
}

void Brush::set_color(double red, double green, double blue) {
  const double value = std::max({red, green, blue});
  const double delta = value - std::min({red, green, blue});
  double hue = 0.0, saturation = 0.0;
  if (delta > 0.0001) {
    saturation = delta / value;
    if (red == value) {
      hue = (green - blue) / delta;
      if (hue < 0.0) hue += 6.0;
    } else if (green == value) {
      hue = 2.0 + (blue - red) / delta;
    } else {
      hue = 4.0 + (red - green) / delta;
    }
    hue /= 6.0;
  }
  set(MYPAINT_BRUSH_SETTING_COLOR_H, static_cast<float>(hue));
  set(MYPAINT_BRUSH_SETTING_COLOR_S, static_cast<float>(saturation));
  set(MYPAINT_BRUSH_SETTING_COLOR_V, static_cast<float>(value));
}

}  // namespace pymypaint
