// The Python face of Painter: checks every value before libmypaint sees it, then lets go of the interpreter lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "arrays.h"
#include "painter.h"

namespace nb = nanobind;

namespace pymypaint {
namespace {

// name, base value, [(input, [(x, y), ...]), ...]: checked and sorted out by pymypaint/brushes.py
using SettingTuple =
    std::tuple<std::string, double, std::vector<std::pair<std::string, std::vector<std::pair<double, double>>>>>;

// The radii that libmypaint honours, 0.2 to 1000 px, rounded outwards.
constexpr double kLogRadiusLow = -1.6095, kLogRadiusHigh = 6.9078;

void check_range(const char* name, Py_ssize_t index, double value, double low, double high) {
  if (value >= low && value <= high) return;
  char text[160];
  std::snprintf(text, sizeof text, "%s[%zd]: expected a number in [%g, %g], got %g", name, index, low, high, value);
  throw nb::value_error(text);
}

BrushSettings parse_settings(const nb::list& tuples) {
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

class PyPainter {
 public:
  PyPainter(long num_canvases, const nb::list& settings, long height, long width, bool history, bool legacy_move,
            long threads)
      : painter_(check(num_canvases, height, width, history, legacy_move, threads), parse_settings(settings)) {}

  void reset(nb::handle observation, nb::handle log_radius, nb::handle active) {
    const Py_ssize_t n = count();
    const std::vector<std::uint8_t> flags = parse_active(active);
    std::vector<double> radii(n);
    if (PyFloat_Check(log_radius.ptr()) || PyLong_Check(log_radius.ptr())) {
      const double radius = PyFloat_AsDouble(log_radius.ptr());
      if (PyErr_Occurred()) {
        PyErr_Clear();
        throw nb::value_error("log_radius: expected a number of ordinary size");
      }
      check_range("log_radius", 0, radius, kLogRadiusLow, kLogRadiusHigh);
      radii.assign(n, radius);
    } else {
      const Array values(log_radius.ptr(), "log_radius", Array::Type::float64, {n});
      for (Py_ssize_t i = 0; i < n; ++i) {
        radii[i] = values.data<double>()[i];
        if (flags[i]) check_range("log_radius", i, radii[i], kLogRadiusLow, kLogRadiusHigh);
      }
    }
    with_observation(observation, [&](Observation out) { painter_.reset(flags, radii, out); });
  }

  void stroke(nb::handle end, nb::handle control, nb::handle pressure, nb::handle log_radius, nb::handle color,
              nb::handle paint, nb::handle observation, nb::handle active) {
    const Py_ssize_t n = count();
    const double height = painter_.config().height, width = painter_.config().width;
    const std::vector<std::uint8_t> flags = parse_active(active);
    std::vector<Stroke> strokes(n);
    {
      using Type = Array::Type;
      const Array ends(end.ptr(), "end", Type::float64, {n, 2});
      const Array controls(control.ptr(), "control", Type::float64, {n, 2});
      const Array pressures(pressure.ptr(), "pressure", Type::float64, {n});
      const Array radii(log_radius.ptr(), "log_radius", Type::float64, {n});
      const Array colors(color.ptr(), "color", Type::float64, {n, 3});
      const Array paints(paint.ptr(), "paint", Type::boolean, {n});
      for (Py_ssize_t i = 0; i < n; ++i) {
        if (!flags[i]) continue;
        // Copied first, checked afterwards: another thread may be writing to the caller's arrays.
        const double *e = ends.data<double>() + 2 * i, *c = controls.data<double>() + 2 * i;
        const double* rgb = colors.data<double>() + 3 * i;
        Stroke& s = strokes[i];
        s = {e[0],
             e[1],
             c[0],
             c[1],
             pressures.data<double>()[i],
             radii.data<double>()[i],
             rgb[0],
             rgb[1],
             rgb[2],
             paints.data<std::uint8_t>()[i] != 0};
        check_range("end", i, s.end_y, 0.0, height);
        check_range("end", i, s.end_x, 0.0, width);
        check_range("control", i, s.control_y, 0.0, height);
        check_range("control", i, s.control_x, 0.0, width);
        check_range("pressure", i, s.pressure, 0.0, 1.0);
        check_range("log_radius", i, s.log_radius, kLogRadiusLow, kLogRadiusHigh);
        check_range("color", i, s.red, 0.0, 1.0);
        check_range("color", i, s.green, 0.0, 1.0);
        check_range("color", i, s.blue, 0.0, 1.0);
      }
    }
    with_observation(observation, [&](Observation out) { painter_.stroke(flags, strokes, out); });
  }

  void observe(nb::handle observation) {
    if (observation.is_none()) throw nb::value_error("observation: expected a uint8 array, got None");
    with_observation(observation, [&](Observation out) { painter_.observe(out); });
  }

  nb::object canvas_fix15() {
    const PainterConfig& config = painter_.config();
    const std::size_t shape[4] = {static_cast<std::size_t>(config.num_canvases),
                                  static_cast<std::size_t>(config.height), static_cast<std::size_t>(config.width), 4};
    auto* values = new std::uint16_t[shape[0] * shape[1] * shape[2] * shape[3]];
    const nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<std::uint16_t*>(p); });
    unlocked([&] { painter_.copy_fix15(values); });
    return nb::cast(nb::ndarray<nb::numpy, std::uint16_t, nb::ndim<4>>(values, 4, shape, owner));
  }

  void close() {
    const nb::gil_scoped_release release;
    painter_.close();
  }
  bool closed() {
    const nb::gil_scoped_release release;
    return painter_.closed();
  }
  const PainterConfig& config() const { return painter_.config(); }

 private:
  static PainterConfig check(long num_canvases, long height, long width, bool history, bool legacy_move, long threads) {
    const auto within = [](const char* name, long value, long high) {
      if (value >= 1 && value <= high) return static_cast<int>(value);
      throw nb::value_error((std::string(name) + ": expected a number from 1 to " + std::to_string(high) + ", got " +
                             std::to_string(value))
                                .c_str());
    };
    const char* engine = std::getenv("PYMYPAINT_ENGINE");
    return {within("num_canvases", num_canvases, 1 << 20),
            within("height", height, 4096),
            within("width", width, 4096),
            history,
            legacy_move,
            within("threads", threads, 256),
            engine && std::string(engine) == "libmypaint"};
  }

  Py_ssize_t count() const { return painter_.config().num_canvases; }

  std::vector<std::uint8_t> parse_active(nb::handle active) const {
    if (active.is_none()) return std::vector<std::uint8_t>(count(), 1);
    const Array values(active.ptr(), "active", Array::Type::boolean, {count()});
    return {values.data<std::uint8_t>(), values.data<std::uint8_t>() + count()};
  }

  template <typename Body>
  void unlocked(const Body& body) {
    try {
      const nb::gil_scoped_release release;
      body();
    } catch (const Painter::Closed&) {
      PyErr_SetString(PyExc_RuntimeError, "this BatchPainter is closed");
      throw nb::python_error();
    }
  }

  template <typename Body>
  void with_observation(nb::handle observation, const Body& body) {
    if (observation.is_none()) {
      unlocked([&] { body(Observation{}); });
      return;
    }
    const PainterConfig& config = painter_.config();
    const Array out(observation.ptr(), "observation", Array::Type::uint8,
                    {config.num_canvases, config.height, config.width, -1}, true);
    const Py_ssize_t channels = out.extent(3);
    if (channels != 1 && channels != 3) {
      throw nb::value_error(
          ("observation: expected 1 channel (grey) or 3 (RGB), got " + std::to_string(channels)).c_str());
    }
    unlocked([&] { body(Observation{out.data<std::uint8_t>(), static_cast<int>(channels)}); });
  }

  Painter painter_;
};

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The native part of pymypaint.";
  m.def("kernels", [] { return std::string(kernels().name); });
  m.def("has_setting", &BrushSettings::has_setting, nb::arg("name"));
  m.def("has_input", &BrushSettings::has_input, nb::arg("name"));
  nb::class_<PyPainter>(m, "Painter")
      .def(nb::init<long, const nb::list&, long, long, bool, bool, long>(), nb::arg("num_canvases"),
           nb::arg("settings"), nb::kw_only(), nb::arg("height"), nb::arg("width"), nb::arg("history"),
           nb::arg("legacy_move"), nb::arg("threads"))
      .def("reset", &PyPainter::reset, nb::arg("observation") = nb::none(), nb::kw_only(),
           nb::arg("log_radius").none() = 0.0, nb::arg("active") = nb::none())
      .def("stroke", &PyPainter::stroke, nb::arg("end").none(), nb::arg("control").none(), nb::arg("pressure").none(),
           nb::arg("log_radius").none(), nb::arg("color").none(), nb::arg("paint").none(),
           nb::arg("observation") = nb::none(), nb::kw_only(), nb::arg("active") = nb::none())
      .def("observe", &PyPainter::observe, nb::arg("observation").none())
      .def("canvas_fix15", &PyPainter::canvas_fix15)
      .def("close", &PyPainter::close)
      .def_prop_ro("closed", &PyPainter::closed)
      .def_prop_ro("num_canvases", [](const PyPainter& p) { return p.config().num_canvases; })
      .def_prop_ro("height", [](const PyPainter& p) { return p.config().height; })
      .def_prop_ro("width", [](const PyPainter& p) { return p.config().width; })
      .def_prop_ro("threads", [](const PyPainter& p) { return p.config().threads; });
}

}  // namespace pymypaint
