// The Python face of Painter: checks every value before libmypaint sees it, then lets go of the interpreter lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstdlib>
#include <numeric>

#include "arguments.h"

namespace pymypaint {
namespace {

class PyPainter {
 public:
  PyPainter(long num_canvases, const nb::list& settings, long height, long width, bool history, bool legacy_move,
            bool fresh_strokes, long threads)
      : painter_(check(num_canvases, height, width, history, legacy_move, fresh_strokes, threads),
                 parse_settings(settings)) {}

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
              nb::handle paint, nb::handle observation, nb::handle start, nb::handle active, nb::handle error_change,
              nb::handle weighted_error_change) {
    const std::vector<std::uint8_t> flags = parse_active(active);
    const std::vector<Stroke> strokes = parse_strokes({end, control, pressure, log_radius, color, paint, start}, flags,
                                                      painter_.config().height, painter_.config().width);
    std::optional<Array> plain, weighted;
    const ErrorChanges changes = {errors_to(error_change, "error_change", plain),
                                  errors_to(weighted_error_change, "weighted_error_change", weighted)};
    with_observation(observation, [&](Observation out) { painter_.stroke(flags, strokes, out, changes); });
  }

  void copy(nb::handle source, nb::handle observation) {
    const std::vector<int> sources = parse_index(source, "source", count(), count());
    with_observation(observation, [&](Observation out) { painter_.copy(sources, out); });
  }

  void load(nb::handle canvas, nb::handle observation, nb::handle active) {
    const std::vector<std::uint8_t> flags = parse_active(active);
    const Pixels pixels = parse_pixels(canvas, flags, painter_.config().height, painter_.config().width);
    with_observation(observation, [&](Observation out) {
      painter_.load(flags, pixels.channels, pixels.bytes.empty() ? nullptr : pixels.bytes.data(), pixels.fix15.data(),
                    out);
    });
  }

  void set_targets(nb::handle targets, nb::handle index, nb::handle weight) {
    if (targets.is_none()) {
      if (!index.is_none() || !weight.is_none()) throw nb::value_error("index, weight: expected None without targets");
      unlocked([&] { painter_.set_targets(nullptr, {}); });
      return;
    }
    const int height = painter_.config().height, width = painter_.config().width;
    const Array pictures(targets.ptr(), "targets", Array::Type::uint8, {-1, height, width, -1});
    const int channels = check_channels("targets", pictures.extent(3));
    const Py_ssize_t number = pictures.extent(0);
    if (number < 1) throw nb::value_error("targets: expected at least one picture, got none");
    std::vector<int> indices(count());
    if (!index.is_none()) {
      indices = parse_index(index, "index", count(), number);
    } else {
      if (number != count()) {
        throw nb::value_error(("index: expected which of " + std::to_string(number) + " targets each of " +
                               std::to_string(count()) + " canvases has, got None")
                                  .c_str());
      }
      std::iota(indices.begin(), indices.end(), 0);
    }
    std::optional<Array> weights;
    if (!weight.is_none()) {
      weights.emplace(weight.ptr(), "weight", Array::Type::uint8,
                      std::initializer_list<Py_ssize_t>{number, height, width});
    }
    unlocked([&] {
      painter_.set_targets(std::make_unique<const Targets>(static_cast<int>(number), height, width, channels,
                                                           pictures.data<std::uint8_t>(),
                                                           weights ? weights->data<std::uint8_t>() : nullptr),
                           std::move(indices));
    });
  }

  nb::object squared_error(bool weighted) {
    const std::size_t shape[1] = {static_cast<std::size_t>(count())};
    auto* values = new std::int64_t[shape[0]];
    const nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<std::int64_t*>(p); });
    unlocked([&] { painter_.squared_error(weighted ? nullptr : values, weighted ? values : nullptr); });
    return nb::cast(nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>>(values, 1, shape, owner));
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

  void record_dabs(bool on) {
    unlocked([&] { painter_.record_dabs(on); });
  }

  nb::object take_dabs(long canvas) {
    if (canvas < 0 || canvas >= count()) {
      throw nb::value_error(("canvas: expected a number from 0 to " + std::to_string(count() - 1) + ", got " +
                             std::to_string(canvas))
                                .c_str());
    }
    auto* dabs = new std::vector<Dab>();
    const nb::capsule owner(dabs, [](void* p) noexcept { delete static_cast<std::vector<Dab>*>(p); });
    unlocked([&] { *dabs = painter_.take_dabs(static_cast<int>(canvas)); });
    const std::size_t shape[2] = {dabs->size(), kDabNumbers};
    auto* values = reinterpret_cast<float*>(dabs->data());
    return nb::cast(nb::ndarray<nb::numpy, float, nb::ndim<2>>(values, 2, shape, owner));
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
  static PainterConfig check(long num_canvases, long height, long width, bool history, bool legacy_move,
                             bool fresh_strokes, long threads) {
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
            fresh_strokes,
            within("threads", threads, 256),
            engine && std::string(engine) == "libmypaint"};
  }

  Py_ssize_t count() const { return painter_.config().num_canvases; }

  std::vector<std::uint8_t> parse_active(nb::handle active) const {
    if (active.is_none()) return std::vector<std::uint8_t>(count(), 1);
    const Array values(active.ptr(), "active", Array::Type::boolean, {count()});
    return {values.data<std::uint8_t>(), values.data<std::uint8_t>() + count()};
  }

  // Where to write int64 [N], or null for None; `array` holds on to it.
  std::int64_t* errors_to(nb::handle object, const char* name, std::optional<Array>& array) const {
    if (object.is_none()) return nullptr;
    array.emplace(object.ptr(), name, Array::Type::int64, std::initializer_list<Py_ssize_t>{count()}, true);
    return array->data<std::int64_t>();
  }

  template <typename Body>
  void unlocked(const Body& body) {
    try {
      const nb::gil_scoped_release release;
      body();
    } catch (const Painter::Closed&) {
      PyErr_SetString(PyExc_RuntimeError, "this BatchPainter is closed");
      throw nb::python_error();
    } catch (const Painter::CannotCopy&) {
      PyErr_SetString(
          PyExc_RuntimeError,
          "copy: this brush is driven by libmypaint, and the libmypaint of this system keeps its brushes in "
          "another way than 1.6 does; use libmypaint 1.6");
      throw nb::python_error();
    } catch (const Painter::NoTargets& without) {
      throw nb::value_error(without.but_weights
                                ? "the targets have no weights; give set_targets a `weight` for weighted errors"
                                : "there is nothing to compare with; call set_targets before asking for errors");
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
    const int channels = check_channels("observation", out.extent(3));
    unlocked([&] { body(Observation{out.data<std::uint8_t>(), channels}); });
  }

  Painter painter_;
};

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The native part of pymypaint.";
  m.def("kernels", [] { return std::string(kernels().name); });
  m.def("has_setting", &BrushSettings::has_setting, nb::arg("name"));
  m.def("has_input", &BrushSettings::has_input, nb::arg("name"));
  m.def("default_settings", &BrushSettings::defaults);
  nb::class_<PyPainter>(m, "Painter")
      .def(nb::init<long, const nb::list&, long, long, bool, bool, bool, long>(), nb::arg("num_canvases"),
           nb::arg("settings"), nb::kw_only(), nb::arg("height"), nb::arg("width"), nb::arg("history"),
           nb::arg("legacy_move"), nb::arg("fresh_strokes"), nb::arg("threads"))
      .def("reset", &PyPainter::reset, nb::arg("observation") = nb::none(), nb::kw_only(),
           nb::arg("log_radius").none() = 0.0, nb::arg("active") = nb::none())
      .def("stroke", &PyPainter::stroke, nb::arg("end").none(), nb::arg("control").none(), nb::arg("pressure").none(),
           nb::arg("log_radius").none(), nb::arg("color").none(), nb::arg("paint").none(),
           nb::arg("observation") = nb::none(), nb::kw_only(), nb::arg("start") = nb::none(),
           nb::arg("active") = nb::none(), nb::arg("error_change") = nb::none(),
           nb::arg("weighted_error_change") = nb::none())
      .def("copy", &PyPainter::copy, nb::arg("source").none(), nb::arg("observation") = nb::none())
      .def("load", &PyPainter::load, nb::arg("canvas").none(), nb::arg("observation") = nb::none(), nb::kw_only(),
           nb::arg("active") = nb::none())
      .def("set_targets", &PyPainter::set_targets, nb::arg("targets").none(), nb::arg("index") = nb::none(),
           nb::kw_only(), nb::arg("weight") = nb::none())
      .def("squared_error", &PyPainter::squared_error, nb::kw_only(), nb::arg("weighted") = false)
      .def("observe", &PyPainter::observe, nb::arg("observation").none())
      .def("canvas_fix15", &PyPainter::canvas_fix15)
      .def("record_dabs", &PyPainter::record_dabs, nb::arg("on"))
      .def("take_dabs", &PyPainter::take_dabs, nb::arg("canvas"))
      .def("close", &PyPainter::close)
      .def_prop_ro("closed", &PyPainter::closed)
      .def_prop_ro("num_canvases", [](const PyPainter& p) { return p.config().num_canvases; })
      .def_prop_ro("height", [](const PyPainter& p) { return p.config().height; })
      .def_prop_ro("width", [](const PyPainter& p) { return p.config().width; })
      .def_prop_ro("threads", [](const PyPainter& p) { return p.config().threads; });
}

}  // namespace pymypaint
