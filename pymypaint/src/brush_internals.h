// What libmypaint's brush holds beyond the reach of its API: its random generator, and a few values between updates. A
// copy of a brush needs them.
//
// The layout is libmypaint 1.6's (mypaint-brush.c, rng-double.c; 1.6.1 has the same). `internals_are_known` tries it
// out on a brush made for it before anything relies on it.
#pragma once

#include <mypaint-brush.h>

namespace pymypaint {

struct BrushInternals {
  struct Generator {
    double state[10];
    double batch[19];
    double* next;  // into `batch`, or to a negative constant before the first batch
  };
  int print_inputs;
  double stroke_painting_seconds, stroke_idling_seconds;
  float states[MYPAINT_BRUSH_STATES_COUNT];
  float* smudge_buckets;
  int num_buckets, min_bucket_used, max_bucket_used;
  double random_input;
  float skip, skip_last_x, skip_last_y, skipped_seconds;
  Generator* generator;
  void* settings[MYPAINT_BRUSH_SETTINGS_COUNT];
  float setting_values[MYPAINT_BRUSH_SETTINGS_COUNT];
  float speed_gamma[2], speed_slope[2], speed_offset[2];
  int reset_requested;
  void* json;
  int references;

  static BrushInternals& of(MyPaintBrush* brush) { return *reinterpret_cast<BrushInternals*>(brush); }

  // Everything but what the API reaches (states, settings).
  void assign(const BrushInternals& other);
};

// Whether the libmypaint in use lays its brushes out like this.
bool internals_are_known();

}  // namespace pymypaint
