// NumPy arrays as plain memory, through Python's buffer protocol: exact dtype and shape, or a ValueError that names the
// argument and says what was expected. Nothing is converted silently.
#pragma once

#include <Python.h>

#include <cstdint>
#include <initializer_list>
#include <string>

namespace pymypaint {

class Array {
 public:
  enum class Type { boolean, uint8, uint16, int64, float64 };

  // `shape`: the exact extents; -1 admits any. Throws nanobind's value_error.
  Array(PyObject* object, const char* name, Type type, std::initializer_list<Py_ssize_t> shape, bool writable = false);
  ~Array() { PyBuffer_Release(&view_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  // Whether `object` is an array of such values, of any shape.
  static bool holds(PyObject* object, Type type);

  Py_ssize_t extent(int axis) const { return view_.shape[axis]; }
  template <typename Value>
  Value* data() const {
    return static_cast<Value*>(view_.buf);
  }

 private:
  Py_buffer view_;
};

// "float64 [64, 2]"
std::string describe(Array::Type type, std::initializer_list<Py_ssize_t> shape);

}  // namespace pymypaint
