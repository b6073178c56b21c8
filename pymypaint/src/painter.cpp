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
  const auto place = [this](double y, double x) {
    move(y, x);
    if (config_.legacy_move) x_ = y;  // the published environment's bug: it remembers y for both
  };
  if (!stroke.paint) {
    place(stroke.end_y, stroke.end_x);
    return;
  }
  if (stroke.placed && config_.fresh_strokes) {
    take_fresh_brush();
    brush_->set_radius(stroke.log_radius);  // before it is placed: noise of the tracking goes by it
    brush_->set_color(stroke.red, stroke.green, stroke.blue);
    brush_->place(surface_, static_cast<float>(stroke.start_x), static_cast<float>(stroke.start_y));
    y_ = stroke.start_y;
    x_ = stroke.start_x;
    painting_ = false;
  } else if (stroke.placed) {
    place(stroke.start_y, stroke.start_x);
  }
  bezier(stroke);
}

void Easel::take_fresh_brush() {
  if (!brush_->can_assign()) {
    brush_ = make_brush(settings_, config_.only_libmypaint);
    return;
  }
  if (!fresh_) fresh_ = make_brush(settings_, config_.only_libmypaint);
  brush_->assign(*fresh_);
}

void Easel::assign(const Easel& other) {
  canvas_.assign(other.canvas_);
  canvas_.take_touched();  // the score goes with it
  brush_->assign(*other.brush_);
  score_ = other.score_;
  score_.touch(other.canvas_.touched());
  ready_ = other.ready_;
  y_ = other.y_;
  x_ = other.x_;
  pressure_ = other.pressure_;
  painting_ = other.painting_;
}

Canvas& Easel::to_load() {
  if (!ready_) reset(0.0);
  return canvas_;
}

SquaredErrors Easel::score(const Targets& targets, int index) {
  score_.touch(canvas_.take_touched());
  return score_.update(canvas_, targets, index);
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
  run(config_.num_canvases, body);
}

void Painter::run(int count, const std::function<void(int)>& body) {
  if (pool_ && !pool_->belongs_to_this_process()) pool_.release();  // leaked: after a fork its threads cannot be joined
  if (!pool_) pool_ = std::make_unique<ThreadPool>(config_.threads);
  pool_->run(count, body);
}

void Painter::reset(const std::vector<std::uint8_t>& active, const std::vector<double>& log_radius, Observation out) {
  for_each([&](int i) {
    if (!active[i]) return;
    easels_[i]->reset(log_radius[i]);
    observe_easel(i, out);
  });
}

void Painter::stroke(const std::vector<std::uint8_t>& active, const std::vector<Stroke>& strokes, Observation out,
                     ErrorChanges changes) {
  const bool scored = changes.plain || changes.weighted;
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  if (scored) require_targets(changes.weighted);
  run(config_.num_canvases, [&](int i) {
    if (!active[i]) return;
    Easel& easel = *easels_[i];
    if (scored) easel.score(*targets_, target_index_[i]);  // what was painted since, and not asked for
    easel.stroke(strokes[i]);
    if (scored) {
      const SquaredErrors change = easel.score(*targets_, target_index_[i]);
      if (changes.plain) changes.plain[i] = change.plain;
      if (changes.weighted) changes.weighted[i] = change.weighted;
    }
    observe_easel(i, out);
  });
}

void Painter::copy(const std::vector<int>& source, Observation out) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  const int count = config_.num_canvases;
  // Whole easels change places where they can: one that is wanted somewhere is never written to. Only where one is
  // wanted several times, an easel that nobody wants becomes its copy.
  std::vector<int> taker(count, -1);
  for (int i = 0; i < count; ++i) {
    if (taker[source[i]] < 0 || source[i] == i) taker[source[i]] = i;
  }
  std::vector<int> free, copies;
  for (int i = 0; i < count; ++i) {
    if (taker[i] < 0) free.push_back(i);
    if (taker[source[i]] != i) copies.push_back(i);
  }
  if (!copies.empty() && !easels_[0]->can_assign()) throw CannotCopy();
  std::vector<std::unique_ptr<Easel>> placed(count);
  for (int i = 0; i < count; ++i) {
    if (taker[source[i]] == i) placed[i] = std::move(easels_[source[i]]);
  }
  for (std::size_t k = 0; k < copies.size(); ++k) placed[copies[k]] = std::move(easels_[free[k]]);
  easels_ = std::move(placed);
  run(count, [&](int i) {
    const int from = taker[source[i]];
    if (from != i) easels_[i]->assign(*easels_[from]);
    if (source[i] != i) observe_easel(i, out);
  });
}

void Painter::load(const std::vector<std::uint8_t>& active, int channels, const std::uint8_t* bytes,
                   const std::uint16_t* fix15, Observation out) {
  const std::size_t size = static_cast<std::size_t>(config_.height) * config_.width * channels;
  for_each([&](int i) {
    if (!active[i]) return;
    if (bytes) easels_[i]->to_load().load(channels, bytes + size * i);
    else easels_[i]->to_load().load_fix15(fix15 + size * i);
    observe_easel(i, out);
  });
}

void Painter::set_targets(std::unique_ptr<const Targets> targets, std::vector<int> index) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  for (const auto& easel : easels_) easel->forget_score();
  targets_ = std::move(targets);
  target_index_ = std::move(index);
}

void Painter::squared_error(std::int64_t* plain, std::int64_t* weighted) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  require_targets(weighted);
  run(config_.num_canvases, [&](int i) {
    easels_[i]->score(*targets_, target_index_[i]);
    const SquaredErrors error = easels_[i]->error();
    if (plain) plain[i] = error.plain;
    if (weighted) weighted[i] = error.weighted;
  });
}

void Painter::require_targets(const void* weighted) const {
  if (!targets_) throw NoTargets{false};
  if (weighted && !targets_->weighted()) throw NoTargets{true};
}

void Painter::observe(Observation out) {
  for_each([&](int i) { observe_easel(i, out); });
}

void Painter::copy_fix15(std::uint16_t* out) {
  const std::size_t size = static_cast<std::size_t>(config_.height) * config_.width * 4;
  for_each([&](int i) { easels_[i]->canvas().copy_fix15(out + size * i); });
}

void Painter::record_dabs(bool on) {
  for_each([&](int i) { easels_[i]->surface().record(on); });
}

std::vector<Dab> Painter::take_dabs(int canvas) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  return easels_[canvas]->surface().take_dabs();
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
