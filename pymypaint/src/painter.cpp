#include "painter.h"

namespace pymypaint {
namespace {
constexpr int kUpdatesPerStroke = 50;
}

Easel::Easel(const PainterConfig& config, const BrushSettings& settings)
    : config_(config),
      settings_(settings),
      canvas_(config.height, config.width),
      surface_(canvas_),
      brush_(make_brush(settings, config.only_libmypaint)) {}

void Easel::reset(double log_radius) {
  if (ready_ && !config_.history) brush_ = make_brush(settings_, config_.only_libmypaint);
  ready_ = true;
  canvas_.clear();
  // In this order, as in the published environment: the move happens with the settings that the brush still has.
  move(0.0, 0.0);
  brush_->set_radius(log_radius);
  brush_->set_color(0.0, 0.0, 0.0);
  pressure_ = 0.0;
}

void Easel::stroke(const Stroke& stroke) {
  if (!ready_) reset(stroke.log_radius);
  if (stroke.paint) {
    bezier(stroke);
  } else {
    move(stroke.end_y, stroke.end_x);
    if (config_.legacy_move) x_ = stroke.end_y;  // the published environment's bug: it remembers y for both
  }
}

void Easel::move(double y, double x) {
  brush_->lift();
  brush_->update(surface_, static_cast<float>(x), static_cast<float>(y), 0.0f);
  y_ = y;
  x_ = x;
  painting_ = false;
}

void Easel::bezier(const Stroke& stroke) {
  brush_->set_radius(stroke.log_radius);
  brush_->set_color(stroke.red, stroke.green, stroke.blue);
  // After a move, the stroke has its own pressure from the start, and an update at its start places the brush.
  const double start_pressure = painting_ ? pressure_ : stroke.pressure;
  const auto update = [this](double x, double y, double pressure) {
    brush_->update(surface_, static_cast<float>(x), static_cast<float>(y), static_cast<float>(pressure));
  };
  if (!painting_) update(x_, y_, start_pressure);
  for (int i = 1; i <= kUpdatesPerStroke; ++i) {
    // The order of the operations is NumPy's in the published environment, so that the last bits agree: `t` there is
    // a multiple of a step, `alpha` a quotient, and the two differ in the last bit at some i.
    const double t = i == kUpdatesPerStroke ? 1.0 : i * (1.0 / kUpdatesPerStroke);
    const double start = (1 - t) * (1 - t), control = 2 * (1 - t) * t, end = t * t;
    const double x = start * x_ + control * stroke.control_x + end * stroke.end_x;
    const double y = start * y_ + control * stroke.control_y + end * stroke.end_y;
    const double alpha = static_cast<double>(i) / kUpdatesPerStroke;
    update(x, y, start_pressure * (1.0 - alpha) + stroke.pressure * alpha);
  }
  y_ = stroke.end_y;
  x_ = stroke.end_x;
  pressure_ = stroke.pressure;
  painting_ = true;
}

Painter::Painter(const PainterConfig& config, BrushSettings settings)
    : config_(config), settings_(std::move(settings)) {
  easels_.reserve(static_cast<std::size_t>(config.num_canvases));
  for (int i = 0; i < config.num_canvases; ++i) {
    easels_.push_back(std::make_unique<Easel>(config_, settings_));
  }
}

template <typename Body>
void Painter::for_each(const Body& body) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  if (pool_ && !pool_->belongs_to_this_process()) pool_.release();  // leaked: after a fork its threads cannot be joined
  if (!pool_) pool_ = std::make_unique<ThreadPool>(config_.threads);
  pool_->run(config_.num_canvases, body);
}

void Painter::reset(const std::vector<std::uint8_t>& active, const std::vector<double>& log_radius, Observation out) {
  const std::size_t size = observation_size(out);
  for_each([&](int i) {
    if (!active[i]) return;
    easels_[i]->reset(log_radius[i]);
    if (out.data) easels_[i]->canvas().observe(out.channels, out.data + size * i);
  });
}

void Painter::stroke(const std::vector<std::uint8_t>& active, const std::vector<Stroke>& strokes, Observation out) {
  const std::size_t size = observation_size(out);
  for_each([&](int i) {
    if (!active[i]) return;
    easels_[i]->stroke(strokes[i]);
    if (out.data) easels_[i]->canvas().observe(out.channels, out.data + size * i);
  });
}

void Painter::observe(Observation out) {
  const std::size_t size = observation_size(out);
  for_each([&](int i) { easels_[i]->canvas().observe(out.channels, out.data + size * i); });
}

void Painter::copy_fix15(std::uint16_t* out) {
  const std::size_t size = static_cast<std::size_t>(config_.height) * config_.width * 4;
  for_each([&](int i) { easels_[i]->canvas().copy_fix15(out + size * i); });
}

void Painter::close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  easels_.clear();
  if (pool_ && !pool_->belongs_to_this_process()) pool_.release();
  pool_.reset();
}

bool Painter::closed() {
  std::lock_guard<std::mutex> lock(mutex_);
  return closed_;
}

}  // namespace pymypaint
