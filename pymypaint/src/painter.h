// N canvases, each with its own brush: the published environment's strokes, many at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "brush.h"
#include "score.h"
#include "thread_pool.h"

namespace pymypaint {

struct Stroke {
  double start_y, start_x, end_y, end_x, control_y, control_x, pressure, log_radius, red, green, blue;
  bool paint;   // false: lift the brush and place it at the end point
  bool placed;  // before painting, lift the brush and place it at the start point
};

struct PainterConfig {
  int num_canvases, height, width;
  bool history;      // one brush lives through all episodes, as in the published environment
  bool legacy_move;  // after a move to (y, x), the next stroke starts at (y, y), as in the published environment
  bool fresh_strokes;  // strokes that bring their own start are painted by a fresh brush each
  int threads;
  bool only_libmypaint;  // never the fast engine: for comparing the two
};

// One canvas and the hand that paints on it.
class Easel {
 public:
  Easel(const PainterConfig& config, const BrushSettings& settings);  // keeps references to both
  Easel(const Easel&) = delete;

  void reset(double log_radius);
  void stroke(const Stroke& stroke);  // resets first if that has never happened
  // Takes over everything: pixels, brush with its random generator, pen, score.
  void assign(const Easel& other);
  bool can_assign() const { return brush_->can_assign(); }
  Canvas& to_load();  // the canvas, whose pixels may be replaced; resets first if that has never happened
  const Canvas& canvas() const { return canvas_; }
  // What the error against a target has changed by since the last call for this target.
  SquaredErrors score(const Targets& targets, int index);
  void forget_score() { score_.forget(); }
  Surface& surface() { return surface_; }
  SquaredErrors error() const { return score_.total(); }

 private:
  void move(double y, double x);
  void take_fresh_brush();
  void bezier(const Stroke& stroke);

  const PainterConfig& config_;
  const BrushSettings& settings_;
  Canvas canvas_;
  Surface surface_;
  std::unique_ptr<Brush> brush_;
  std::unique_ptr<Brush> fresh_;  // never used but to be copied: that takes less time than to make one
  Score score_;
  bool ready_ = false;  // has been reset at least once; a brush that was never used need not be made again
  double y_ = 0.0, x_ = 0.0, pressure_ = 0.0;
  bool painting_ = false;
};

// Of each canvas; not wanted where null.
struct ErrorChanges {
  std::int64_t* plain = nullptr;
  std::int64_t* weighted = nullptr;
};

struct Observation {
  std::uint8_t* data = nullptr;  // [N, height, width, channels]; none if null
  int channels = 0;
};

// Throws Closed if used after close(). Safe to use from several threads: calls happen one after the other.
class Painter {
 public:
  struct Closed {};
  struct CannotCopy {};
  struct NoTargets {
    bool but_weights;  // there are targets, but no weights
  };

  Painter(const PainterConfig& config, BrushSettings settings);

  // `active` holds one flag a canvas: canvases that are not active stay as they are, and so do their observations.
  void reset(const std::vector<std::uint8_t>& active, const std::vector<double>& log_radius, Observation out);
  void stroke(const std::vector<std::uint8_t>& active, const std::vector<Stroke>& strokes, Observation out,
              ErrorChanges changes);
  // Canvas i becomes a copy of what canvas source[i] is before the call. Observations are written where source[i] != i.
  void copy(const std::vector<int>& source, Observation out);
  // Replaces the pixels of active canvases. One of the two arrays, for all canvases, is null.
  void load(const std::vector<std::uint8_t>& active, int channels, const std::uint8_t* bytes,
            const std::uint16_t* fix15, Observation out);
  // Canvas i is compared with targets[index[i]]. Null: with nothing.
  void set_targets(std::unique_ptr<const Targets> targets, std::vector<int> index);
  void squared_error(std::int64_t* plain, std::int64_t* weighted);
  void observe(Observation out);
  void copy_fix15(std::uint16_t* out);  // [N, height, width, 4]
  void record_dabs(bool on);
  std::vector<Dab> take_dabs(int canvas);  // those drawn since the last call, if dabs are recorded
  void close();
  bool closed();
  const PainterConfig& config() const { return config_; }

 private:
  template <typename Body>
  void for_each(const Body& body);
  void run(int count, const std::function<void(int)>& body);  // with the mutex held
  void require_targets(const void* weighted) const;
  void observe_easel(int i, const Observation& out) const {
    if (out.data) easels_[i]->canvas().observe(out.channels, out.data + observation_size(out) * i);
  }
  std::size_t observation_size(const Observation& out) const {
    return static_cast<std::size_t>(config_.height) * config_.width * out.channels;
  }

  const PainterConfig config_;
  const BrushSettings settings_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::unique_ptr<Easel>> easels_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<const Targets> targets_;
  std::vector<int> target_index_;
};

}  // namespace pymypaint
