// N canvases, each with its own brush: the published environment's strokes, many at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "brush.h"
#include "thread_pool.h"

namespace pymypaint {

struct Stroke {
  double end_y, end_x, control_y, control_x, pressure, log_radius, red, green, blue;
  bool paint;  // false: lift the brush and place it at the end point
};

struct PainterConfig {
  int num_canvases, height, width;
  bool history;      // one brush lives through all episodes, as in the published environment
  bool legacy_move;  // after a move to (y, x), the next stroke starts at (y, y), as in the published environment
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
  Canvas& canvas() { return canvas_; }
  const Canvas& canvas() const { return canvas_; }

 private:
  void move(double y, double x);
  void bezier(const Stroke& stroke);

  const PainterConfig& config_;
  const BrushSettings& settings_;
  Canvas canvas_;
  Surface surface_;
  std::unique_ptr<Brush> brush_;
  bool ready_ = false;  // has been reset at least once; a brush that was never used need not be made again
  double y_ = 0.0, x_ = 0.0, pressure_ = 0.0;
  bool painting_ = false;
};

struct Observation {
  std::uint8_t* data = nullptr;  // [N, height, width, channels]; none if null
  int channels = 0;
};

// Throws Closed if used after close(). Safe to use from several threads: calls happen one after the other.
class Painter {
 public:
  struct Closed {};

  Painter(const PainterConfig& config, BrushSettings settings);

  // `active` holds one flag a canvas: canvases that are not active stay as they are, and so do their observations.
  void reset(const std::vector<std::uint8_t>& active, const std::vector<double>& log_radius, Observation out);
  void stroke(const std::vector<std::uint8_t>& active, const std::vector<Stroke>& strokes, Observation out);
  void observe(Observation out);
  void copy_fix15(std::uint16_t* out);  // [N, height, width, 4]
  void close();
  bool closed();
  const PainterConfig& config() const { return config_; }

 private:
  template <typename Body>
  void for_each(const Body& body);
  std::size_t observation_size(const Observation& out) const {
    return static_cast<std::size_t>(config_.height) * config_.width * out.channels;
  }

  const PainterConfig config_;
  const BrushSettings settings_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::unique_ptr<Easel>> easels_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace pymypaint
