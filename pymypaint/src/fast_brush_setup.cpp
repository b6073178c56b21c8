// What FastBrush knows before the first stroke, and what follows from the base values of its settings.
#include <algorithm>
#include <cmath>

#include "fast_brush.h"

namespace pymypaint {
namespace {

void hsv_to_rgb(float hue, float saturation, float value, float& red, float& green, float& blue) {
  const float h = static_cast<float>(static_cast<double>(hue) - std::floor(static_cast<double>(hue)));
  const float s = saturation > 1.0f ? 1.0f : saturation < 0.0f ? 0.0f : saturation;
  const float v = value > 1.0f ? 1.0f : value < 0.0f ? 0.0f : value;
  red = green = blue = v;
  if (s == 0.0f) return;
  const double sector = h == 1.0f ? 0.0 : static_cast<double>(h) * 6.0;
  const int i = static_cast<int>(sector);
  const double f = sector - i;
  const float w = static_cast<float>(v * (1.0 - s));
  const float q = static_cast<float>(v * (1.0 - s * f));
  const float t = static_cast<float>(v * (1.0 - s * (1.0 - f)));
  switch (i) {
    case 0: green = t, blue = w; break;
    case 1: red = q, blue = w; break;
    case 2: red = w, blue = t; break;
    case 3: red = w, green = q; break;
    case 4: red = t, green = w; break;
    case 5: green = w, blue = q; break;
    default: red = green = blue = 0.0f;
  }
}

}  // namespace

#define BASE(name) base_[MYPAINT_BRUSH_SETTING_##name]

bool FastBrush::covers(const BrushSettings& settings) {
  static const MyPaintBrushInput kInputs[] = {MYPAINT_BRUSH_INPUT_PRESSURE, MYPAINT_BRUSH_INPUT_SPEED1,
                                              MYPAINT_BRUSH_INPUT_SPEED2,   MYPAINT_BRUSH_INPUT_RANDOM,
                                              MYPAINT_BRUSH_INPUT_STROKE,   MYPAINT_BRUSH_INPUT_DIRECTION,
                                              MYPAINT_BRUSH_INPUT_CUSTOM};
  static const MyPaintBrushSetting kMustBeOff[] = {MYPAINT_BRUSH_SETTING_SMUDGE,
                                                   MYPAINT_BRUSH_SETTING_CHANGE_COLOR_H,
                                                   MYPAINT_BRUSH_SETTING_CHANGE_COLOR_L,
                                                   MYPAINT_BRUSH_SETTING_CHANGE_COLOR_V,
                                                   MYPAINT_BRUSH_SETTING_CHANGE_COLOR_HSL_S,
                                                   MYPAINT_BRUSH_SETTING_CHANGE_COLOR_HSV_S,
                                                   MYPAINT_BRUSH_SETTING_TRACKING_NOISE,
                                                   MYPAINT_BRUSH_SETTING_SNAP_TO_PIXEL,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_BY_SPEED,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_X,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_Y,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_ANGLE,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_ANGLE_ASC,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_ANGLE_VIEW,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_ANGLE_2,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_ANGLE_2_ASC,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_ANGLE_2_VIEW,
                                                   MYPAINT_BRUSH_SETTING_OFFSET_MULTIPLIER};
  for (const auto& setting : settings.settings) {
    const bool off = setting.base_value == 0.0f && setting.curves.empty();
    if (!off && std::find(std::begin(kMustBeOff), std::end(kMustBeOff), setting.id) != std::end(kMustBeOff))
      return false;
    for (const auto& curve : setting.curves) {
      if (std::find(std::begin(kInputs), std::end(kInputs), curve.input) == std::end(kInputs)) return false;
    }
  }
  return true;
}

FastBrush::FastBrush(const BrushSettings& settings) {
  for (const auto& setting : settings.settings) {
    set(setting.id, setting.base_value);
    if (setting.curves.empty()) continue;
    // libmypaint adds the inputs' shares in the order of its list of inputs.
    std::vector<BrushSettings::Curve> sorted = setting.curves;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.input < b.input; });
    const int first_curve = static_cast<int>(curves_.size());
    for (const auto& curve : sorted) {
      uses_[curve.input] = true;
      const int first_point = static_cast<int>(points_.size());
      for (const auto& [x, y] : curve.points) points_.push_back({x, y});
      curves_.push_back({curve.input, first_point, static_cast<int>(points_.size()) - 1});
    }
    for (const auto id :
         {MYPAINT_BRUSH_SETTING_ERASER, MYPAINT_BRUSH_SETTING_LOCK_ALPHA, MYPAINT_BRUSH_SETTING_COLORIZE}) {
      if (setting.id == id) ink_is_dynamic_ = true;
    }
    dynamics_.push_back({static_cast<int>(setting.id), first_curve, static_cast<int>(curves_.size())});
  }
}

void FastBrush::set(MyPaintBrushSetting id, float value) {
  base_[id] = value_[id] = value;
  stale_ = true;
}

void FastBrush::refresh() {
  stale_ = false;
  base_radius_ = std::exp(BASE(RADIUS_LOGARITHMIC));
  spacing_radius_ = clamp_radius(base_radius_);
  pressure_gain_ = std::exp(BASE(PRESSURE_GAIN_LOG));
  hsv_to_rgb(BASE(COLOR_H), BASE(COLOR_S), BASE(COLOR_V), red_, green_, blue_);
  mix_ink();
  tracking_seconds_ = -1.0;
  for (int i = 0; i < 2; ++i) {  // the speed inputs: log(gamma + speed) * slope + offset
    speed_gamma_[i] = std::exp(i == 0 ? BASE(SPEED1_GAMMA) : BASE(SPEED2_GAMMA));
    const float at = static_cast<float>(std::log(static_cast<double>(45.0f + speed_gamma_[i])));
    speed_slope_[i] = static_cast<float>(0.015) * (45.0f + speed_gamma_[i]);
    speed_offset_[i] = 0.5f - speed_slope_[i] * at;
  }
  // opaque_linearize: the opacity of one dab so that overlapping dabs add up to the opacity asked for.
  float dabs = BASE(DABS_PER_ACTUAL_RADIUS) + BASE(DABS_PER_BASIC_RADIUS);
  dabs = static_cast<float>(dabs * 2.0);
  if (dabs < 1.0f) dabs = 1.0f;
  dabs = static_cast<float>(1.0 + BASE(OPAQUE_LINEARIZE) * (dabs - 1.0));
  linear_exponent_ = static_cast<float>(1.0 / dabs);
}

}  // namespace pymypaint
