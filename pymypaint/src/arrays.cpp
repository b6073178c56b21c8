#include "arrays.h"

#include <nanobind/nanobind.h>

#include <cstring>

namespace pymypaint {
namespace {

const char* type_name(Array::Type type) {
  switch (type) {
    case Array::Type::boolean: return "bool";
    case Array::Type::uint8: return "uint8";
    case Array::Type::uint16: return "uint16";
    case Array::Type::int64: return "int64";
    default: return "float64";
  }
}

bool has_type(const Py_buffer& view, Array::Type type) {
  const char* format = view.format ? view.format : "B";
  if (*format == '@' || *format == '=') ++format;
  switch (type) {
    case Array::Type::boolean: return std::strcmp(format, "?") == 0;
    case Array::Type::uint8: return std::strcmp(format, "B") == 0;
    case Array::Type::uint16: return std::strcmp(format, "H") == 0;
    case Array::Type::int64:
      return view.itemsize == 8 && (std::strcmp(format, "l") == 0 || std::strcmp(format, "q") == 0);
    default: return std::strcmp(format, "d") == 0;
  }
}

std::string extents(const Py_ssize_t* shape, Py_ssize_t count) {
  std::string text = "[";
  for (Py_ssize_t i = 0; i < count; ++i) {
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("*") : std::to_string(shape[i]));
  }
  return text + "]";
}

[[noreturn]] void fail(const char* name, const std::string& expected, const std::string& got) {
  throw nanobind::value_error((std::string(name) + ": expected a " + expected + " array, got " + got).c_str());
}

}  // namespace

std::string describe(Array::Type type, std::initializer_list<Py_ssize_t> shape) {
  return std::string(type_name(type)) + " " + extents(shape.begin(), static_cast<Py_ssize_t>(shape.size()));
}

bool Array::holds(PyObject* object, Type type) {
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_FORMAT | PyBUF_STRIDES) != 0) {
    PyErr_Clear();
    return false;
  }
  const bool answer = has_type(view, type);
  PyBuffer_Release(&view);
  return answer;
}

Array::Array(PyObject* object, const char* name, Type type, std::initializer_list<Py_ssize_t> shape, bool writable) {
  const std::string expected = std::string(writable ? "writable, " : "") + "C-contiguous " + describe(type, shape);
  if (PyObject_GetBuffer(object, &view_, PyBUF_FORMAT | PyBUF_STRIDES) != 0) {
    PyErr_Clear();
    fail(name, expected, nanobind::steal<nanobind::str>(PyType_GetName(Py_TYPE(object))).c_str());
  }
  std::string wrong;
  if (!has_type(view_, type)) {
    wrong = std::string("values of format '") + (view_.format ? view_.format : "B") + "'";
  } else if (view_.ndim != static_cast<int>(shape.size())) {
    wrong = "shape " + extents(view_.shape, view_.ndim);
  } else {
    int axis = 0;
    for (const Py_ssize_t extent : shape) {
      if (extent >= 0 && view_.shape[axis] != extent) wrong = "shape " + extents(view_.shape, view_.ndim);
      ++axis;
    }
    if (wrong.empty() && !PyBuffer_IsContiguous(&view_, 'C')) wrong = "one that is not C-contiguous";
    if (wrong.empty() && writable && view_.readonly) wrong = "a read-only one";
  }
  if (!wrong.empty()) {
    PyBuffer_Release(&view_);
    fail(name, expected, wrong);
  }
}

}  // namespace pymypaint
