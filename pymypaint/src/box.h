// A rectangle of pixels.
#pragma once

namespace pymypaint {

struct Box {  // [x0, x1) x [y0, y1)
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  bool empty() const { return x0 >= x1 || y0 >= y1; }
  void unite(const Box& other) {
    if (other.empty()) return;
    if (empty()) {
      *this = other;
      return;
    }
    x0 = x0 < other.x0 ? x0 : other.x0;
    y0 = y0 < other.y0 ? y0 : other.y0;
    x1 = x1 > other.x1 ? x1 : other.x1;
    y1 = y1 > other.y1 ? y1 : other.y1;
  }
};

}  // namespace pymypaint
