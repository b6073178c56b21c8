// What the methods of Painter take from Python, checked and copied before anything is painted: afterwards another
// thread may write to the caller's arrays.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdio>
#include <optional>
#include <stdexcept>

#include "arrays.h"
#include "painter.h"

namespace pymypaint {
namespace nb = nanobind;

// name, base value, [(input, [(x, y), ...]), ...]: checked and sorted out by pymypaint/brushes.py
using SettingTuple =
    std::tuple<std::string, double, std::vector<std::pair<std::string, std::vector<std::pair<double, double>>>>>;

// The radii that libmypaint honours, 0.2 to 1000 px, rounded outwards.
constexpr double kLogRadiusLow = -1.6095, kLogRadiusHigh = 6.9078;

inline void check_range(const char* name, Py_ssize_t index, double value, double low, double high) {
  if (value >= low && value <= high) return;
  char text[160];
  std::snprintf(text, sizeof text, "%s[%zd]: expected a number in [%g, %g], got %g", name, index, low, high, value);
  throw nb::value_error(text);
}

inline BrushSettings parse_settings(const nb::list& tuples) {
  BrushSettings result;
  try {
    for (const nb::handle item : tuples) {
      const nb::tuple fields = nb::cast<nb::tuple>(item);
      BrushSettings::Setting setting;
      setting.id = BrushSettings::setting_id(nb::cast<std::string>(fields[0]));
      setting.base_value = static_cast<float>(nb::cast<double>(fields[1]));
      for (const nb::handle curve_item : nb::cast<nb::list>(fields[2])) {
        const nb::tuple curve_fields = nb::cast<nb::tuple>(curve_item);
        BrushSettings::Curve curve;
        curve.input = BrushSettings::input_id(nb::cast<std::string>(curve_fields[0]));
        for (const auto& [x, y] : nb::cast<std::vector<std::pair<double, double>>>(curve_fields[1])) {
          curve.points.emplace_back(static_cast<float>(x), static_cast<float>(y));
        }
        setting.curves.push_back(std::move(curve));
      }
      result.settings.push_back(std::move(setting));
    }
  } catch (const std::invalid_argument& error) {
    throw nb::value_error(error.what());
  }
  return result;
}

struct StrokeArrays {
  nb::handle end, control, pressure, log_radius, color, paint, start;
};

// Rows of canvases that are not active are not looked at.
inline std::vector<Stroke> parse_strokes(const StrokeArrays& arrays, const std::vector<std::uint8_t>& active,
                                         double height, double width) {
  using Type = Array::Type;
  const Py_ssize_t n = static_cast<Py_ssize_t>(active.size());
  const Array ends(arrays.end.ptr(), "end", Type::float64, {n, 2});
  const Array controls(arrays.control.ptr(), "control", Type::float64, {n, 2});
  const Array pressures(arrays.pressure.ptr(), "pressure", Type::float64, {n});
  const Array radii(arrays.log_radius.ptr(), "log_radius", Type::float64, {n});
  const Array colors(arrays.color.ptr(), "color", Type::float64, {n, 3});
  const Array paints(arrays.paint.ptr(), "paint", Type::boolean, {n});
  std::optional<Array> starts;
  if (!arrays.start.is_none())
    starts.emplace(arrays.start.ptr(), "start", Type::float64, std::initializer_list<Py_ssize_t>{n, 2});
  std::vector<Stroke> strokes(n);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!active[i]) continue;
    const double *e = ends.data<double>() + 2 * i, *c = controls.data<double>() + 2 * i;
    const double* rgb = colors.data<double>() + 3 * i;
    Stroke& s = strokes[i];
    s.end_y = e[0], s.end_x = e[1];
    s.control_y = c[0], s.control_x = c[1];
    s.pressure = pressures.data<double>()[i];
    s.log_radius = radii.data<double>()[i];
    s.red = rgb[0], s.green = rgb[1], s.blue = rgb[2];
    s.paint = paints.data<std::uint8_t>()[i] != 0;
    s.placed = starts.has_value();
    check_range("end", i, s.end_y, 0.0, height);
    check_range("end", i, s.end_x, 0.0, width);
    check_range("control", i, s.control_y, 0.0, height);
    check_range("control", i, s.control_x, 0.0, width);
    check_range("pressure", i, s.pressure, 0.0, 1.0);
    check_range("log_radius", i, s.log_radius, kLogRadiusLow, kLogRadiusHigh);
    check_range("color", i, s.red, 0.0, 1.0);
    check_range("color", i, s.green, 0.0, 1.0);
    check_range("color", i, s.blue, 0.0, 1.0);
    if (!s.placed) continue;
    s.start_y = starts->data<double>()[2 * i];
    s.start_x = starts->data<double>()[2 * i + 1];
    check_range("start", i, s.start_y, 0.0, height);
    check_range("start", i, s.start_x, 0.0, width);
  }
  return strokes;
}

// Numbers in [0, below), one of each canvas.
inline std::vector<int> parse_index(nb::handle values, const char* name, Py_ssize_t count, Py_ssize_t below) {
  const Array array(values.ptr(), name, Array::Type::int64, {count});
  std::vector<int> result(count);
  for (Py_ssize_t i = 0; i < count; ++i) {
    const std::int64_t value = array.data<std::int64_t>()[i];
    if (value < 0 || value >= below) {
      throw nb::value_error((std::string(name) + "[" + std::to_string(i) + "]: expected a number from 0 to " +
                             std::to_string(below - 1) + ", got " + std::to_string(value))
                                .c_str());
    }
    result[i] = static_cast<int>(value);
  }
  return result;
}

// 1 (grey) or 3 (RGB).
inline int check_channels(const char* name, Py_ssize_t channels) {
  if (channels == 1 || channels == 3) return static_cast<int>(channels);
  throw nb::value_error(
      (std::string(name) + ": expected 1 channel (grey) or 3 (RGB), got " + std::to_string(channels)).c_str());
}

// Pixels for `Painter::load`.
struct Pixels {
  int channels = 0;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint16_t> fix15;
};

inline Pixels parse_pixels(nb::handle canvas, const std::vector<std::uint8_t>& active, Py_ssize_t height,
                           Py_ssize_t width) {
  const Py_ssize_t n = static_cast<Py_ssize_t>(active.size()), pixels = n * height * width;
  Pixels result;
  if (!Array::holds(canvas.ptr(), Array::Type::uint16)) {
    const Array array(canvas.ptr(), "canvas", Array::Type::uint8, {n, height, width, -1});
    result.channels = check_channels("canvas", array.extent(3));
    result.bytes.assign(array.data<std::uint8_t>(), array.data<std::uint8_t>() + pixels * result.channels);
    return result;
  }
  const Array array(canvas.ptr(), "canvas", Array::Type::uint16, {n, height, width, 4});
  result.channels = 4;
  result.fix15.assign(array.data<std::uint16_t>(), array.data<std::uint16_t>() + pixels * 4);
  for (Py_ssize_t i = 0; i < pixels; ++i) {
    const std::uint16_t* rgba = result.fix15.data() + 4 * i;
    if (!active[i / (height * width)]) continue;
    if (rgba[3] > kOne || rgba[0] > rgba[3] || rgba[1] > rgba[3] || rgba[2] > rgba[3]) {
      char text[160];
      std::snprintf(text, sizeof text,
                    "canvas[%zd]: expected premultiplied RGBA (alpha at most 32768, no color above its alpha), got "
                    "(%d, %d, %d, %d)",
                    i / (height * width), rgba[0], rgba[1], rgba[2], rgba[3]);
      throw nb::value_error(text);
    }
  }
  return result;
}

}  // namespace pymypaint
