#include "brush_internals.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "random.h"

namespace pymypaint {

void BrushInternals::assign(const BrushInternals& other) {
  stroke_painting_seconds = other.stroke_painting_seconds;
  stroke_idling_seconds = other.stroke_idling_seconds;
  random_input = other.random_input;
  skip = other.skip;
  skip_last_x = other.skip_last_x;
  skip_last_y = other.skip_last_y;
  skipped_seconds = other.skipped_seconds;
  std::copy(std::begin(other.setting_values), std::end(other.setting_values), setting_values);
  reset_requested = other.reset_requested;
  const Generator& from = *other.generator;
  *generator = from;
  const std::less<const double*> before;
  const bool in_batch = !before(from.next, from.batch) && before(from.next, std::end(from.batch));
  if (in_batch) generator->next = generator->batch + (from.next - from.batch);
}

namespace {

bool try_out() {
  MyPaintBrush* brush = mypaint_brush_new();
  if (!brush) return false;
  const BrushInternals& inside = BrushInternals::of(brush);
  bool known = inside.references == 1 && inside.reset_requested == 1 && inside.random_input == 0.0;
  for (int i = 0; i < MYPAINT_BRUSH_STATES_COUNT; ++i) {
    mypaint_brush_set_state(brush, static_cast<MyPaintBrushState>(i), static_cast<float>(i) + 0.5f);
  }
  for (int i = 0; i < MYPAINT_BRUSH_STATES_COUNT; ++i) known &= inside.states[i] == static_cast<float>(i) + 0.5f;
  known &= !inside.smudge_buckets && inside.num_buckets == 0;
  // The first update of a brush only places it, draws one random number and touches no surface.
  mypaint_brush_stroke_to(brush, nullptr, 3.0f, 4.0f, 0.5f, 0.0f, 0.0f, 0.1);
  const double first = RandomStream().ahead()[0];
  known &= inside.reset_requested == 0 && inside.random_input == first && inside.skip == 0.0f;
  known = known && inside.generator->batch[0] == first && inside.generator->next == inside.generator->batch + 1;
  mypaint_brush_ref(brush);
  known &= inside.references == 2;
  mypaint_brush_unref(brush);
  mypaint_brush_unref(brush);
  return known;
}

}  // namespace

bool internals_are_known() {
  static const bool known = try_out();
  return known;
}

}  // namespace pymypaint
