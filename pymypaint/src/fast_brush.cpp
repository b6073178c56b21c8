// Where an expression mixes float and double below, so does libmypaint: the conversions decide the last bits.
#include "fast_brush.h"

#include <algorithm>
#include <cmath>

namespace pymypaint {
namespace {

constexpr double kPi = 3.14159265358979323846;
// How far a low-pass filter moves towards its input in a time.
float approach(float time_constant, float time) {
  if (static_cast<double>(time_constant) <= 0.001) return 1.0f;
  return static_cast<float>(1.0 - static_cast<double>(std::exp(-time / time_constant)));
}

float positive_modulo(float a, float n) {
  return static_cast<float>(static_cast<double>(a) - static_cast<double>(n) * std::floor(static_cast<double>(a / n)));
}

// What glibc's hypotf computes; doubles have room for the squares of floats.
inline float hypotenuse(float x, float y) {
  return static_cast<float>(std::sqrt(static_cast<double>(x) * x + static_cast<double>(y) * y));
}

#define BASE(name) base_[MYPAINT_BRUSH_SETTING_##name]
#define VALUE(name) value_[MYPAINT_BRUSH_SETTING_##name]
#define INPUT(name) inputs_[MYPAINT_BRUSH_INPUT_##name]
#define USES(name) uses_[MYPAINT_BRUSH_INPUT_##name]

}  // namespace

void FastBrush::move(Surface& surface, float x, float y, float pressure, double seconds) {
  if (stale_) refresh();
  if (!(pressure > 0.0f)) pressure = 0.0f;
  if (seconds > 0.100 && pressure != 0.0f && state_.pressure == 0.0f) {
    // libmypaint's workaround for tablets that do not report motion without pressure.
    move(surface, x, y, 0.0f, seconds - 0.0001);
    seconds = 0.0001;
  }
  if (tracking_seconds_ != seconds) {
    tracking_seconds_ = seconds;
    tracking_ = approach(BASE(SLOW_TRACKING), static_cast<float>(100.0 * seconds));
  }
  x = state_.x + (x - state_.x) * tracking_;
  y = state_.y + (y - state_.y) * tracking_;

  if (lifted_) {
    lifted_ = false;
    random_input_ = random_.next();
    state_ = State();
    state_.x = state_.actual_x = x;
    state_.y = state_.actual_y = y;
    state_.pressure = pressure;
    state_.stroke = 1.0f;
    return;
  }

  double seconds_left = seconds;
  float moved = state_.partial_dabs;
  float todo = count_dabs(x, y, static_cast<float>(seconds));
  while (moved + todo >= 1.0f) {
    Step part;
    part.dabs = 1.0f;
    if (moved > 0) {
      part.dabs = static_cast<float>(1.0 - moved);
      moved = 0;
    }
    const float share = part.dabs / todo;
    part.x = share * (x - state_.x);
    part.y = share * (y - state_.y);
    part.pressure = share * (pressure - state_.pressure);
    part.seconds = static_cast<float>(share * seconds_left);
    step(part);
    draw(surface);
    random_input_ = random_.next();
    seconds_left -= part.seconds;
    todo = count_dabs(x, y, static_cast<float>(seconds_left));
  }
  step({todo, x - state_.x, y - state_.y, pressure - state_.pressure, static_cast<float>(seconds_left)});
  state_.partial_dabs = moved + todo;
}

float FastBrush::count_dabs(float x, float y, float seconds) {
  if (state_.radius == 0.0f) state_.radius = spacing_radius_;
  const float dx = x - state_.x, dy = y - state_.y;
  float distance;
  if (state_.ratio > 1.0f) {
    if (state_.angle != turned_) {
      turned_ = state_.angle;
      const float radians = static_cast<float>(state_.angle * kPi / 180.0);
      cosine_ = static_cast<float>(std::cos(static_cast<double>(radians)));
      sine_ = static_cast<float>(std::sin(static_cast<double>(radians)));
    }
    const float across = (dy * cosine_ - dx * sine_) * state_.ratio;
    const float along = dy * sine_ + dx * cosine_;
    distance = std::sqrt(across * across + along * along);
  } else {
    distance = hypotenuse(dx, dy);
  }
  const float by_actual_radius = distance / state_.radius * BASE(DABS_PER_ACTUAL_RADIUS);
  const float by_basic_radius = distance / spacing_radius_ * BASE(DABS_PER_BASIC_RADIUS);
  return by_actual_radius + by_basic_radius + seconds * BASE(DABS_PER_SECOND);
}

void FastBrush::step(const Step& asked) {
  Step part = asked;
  if (!(part.seconds > 0.0f)) part.seconds = static_cast<float>(0.001);
  state_.x += part.x;
  state_.y += part.y;
  state_.pressure += part.pressure;
  if (state_.pressure <= 0.0f) state_.pressure = 0.0f;
  read_inputs();
  for (const Dynamic& dynamic : dynamics_) {
    float value = base_[dynamic.id];
    for (int i = dynamic.first; i < dynamic.end; ++i) value += evaluate(curves_[i]);
    value_[dynamic.id] = value;
  }
  run_filters(part);
  shape_dab();
}

// Piecewise linear, going on beyond both ends as the first and the last piece do.
inline float FastBrush::evaluate(const Curve& curve) const {
  const float x = inputs_[curve.input];
  const Point* left = &points_[curve.first];
  for (const Point* last = &points_[curve.last]; left + 1 < last && x > left[1].x;) ++left;
  const Point right = left[1];
  if (left->x == right.x || left->y == right.y) return left->y;
  const float width = right.x - left->x, sum = right.y * (x - left->x) + left->y * (right.x - x);
  return width == 1.0f ? sum : sum / width;  // mostly 1, and a division takes long
}

void FastBrush::read_inputs() {
  INPUT(PRESSURE) = state_.pressure * pressure_gain_;
  INPUT(RANDOM) = random_input_;
  for (int i = 0; i < 2; ++i) {
    const auto input = i == 0 ? MYPAINT_BRUSH_INPUT_SPEED1 : MYPAINT_BRUSH_INPUT_SPEED2;
    if (!uses_[input]) continue;
    const double logarithm = std::log(static_cast<double>(speed_gamma_[i] + state_.speed[i]));
    inputs_[input] = static_cast<float>(logarithm * speed_slope_[i] + speed_offset_[i]);
  }
  if (USES(STROKE)) {
    const float threshold = BASE(STROKE_THRESHOLD), margin = static_cast<float>(0.0001);
    if (!state_.stroke_started && state_.pressure > threshold + margin) {
      state_.stroke_started = true;
      state_.stroke = 0.0f;
    } else if (state_.stroke_started && state_.pressure <= threshold * 0.9 + margin) {
      state_.stroke_started = false;
    }
    INPUT(STROKE) = state_.stroke < 1.0f ? state_.stroke : 1.0f;
  }
  if (USES(DIRECTION)) {
    const float angle = std::atan2(state_.direction_y, state_.direction_x);
    INPUT(DIRECTION) = positive_modulo(static_cast<float>(angle / (2 * kPi) * 360.0 + 180.0), 180.0f);
  }
  INPUT(CUSTOM) = state_.custom;
}

void FastBrush::run_filters(const Step& part) {
  const float follow = approach(VALUE(SLOW_TRACKING_PER_DAB), part.dabs);
  state_.actual_x += (state_.x - state_.actual_x) * follow;
  state_.actual_y += (state_.y - state_.actual_y) * follow;

  if (USES(SPEED1) || USES(SPEED2)) {
    const float speed = hypotenuse(part.x / part.seconds, part.y / part.seconds);
    const auto follow_speed = [&](float& slow, float slowness) {
      slow += (speed - slow) * approach(slowness, part.seconds);
    };
    if (USES(SPEED1)) follow_speed(state_.speed[0], VALUE(SPEED1_SLOWNESS));
    if (USES(SPEED2)) follow_speed(state_.speed[1], VALUE(SPEED2_SLOWNESS));
  }
  if (USES(DIRECTION)) {
    float dx = part.x, dy = part.y;
    const float time_constant = static_cast<float>(std::exp(static_cast<float>(VALUE(DIRECTION_FILTER) * 0.5)) - 1.0);
    const float share = approach(time_constant, hypotenuse(dx, dy));
    const float old_x = state_.direction_x, old_y = state_.direction_y;
    const auto square = [](float value) { return value * value; };
    if (square(old_x - dx) + square(old_y - dy) > square(old_x + dx) + square(old_y + dy)) {
      dx = -dx;  // the opposite direction is nearer, and counts as the same
      dy = -dy;
    }
    state_.direction_x += (dx - state_.direction_x) * share;
    state_.direction_y += (dy - state_.direction_y) * share;
  }
  if (USES(CUSTOM)) {
    const float share = approach(VALUE(CUSTOM_INPUT_SLOWNESS), static_cast<float>(0.1));
    state_.custom += (VALUE(CUSTOM_INPUT) - state_.custom) * share;
  }
  if (USES(STROKE)) {
    const float across = part.x / part.seconds / base_radius_, along = part.y / part.seconds / base_radius_;
    const float distance = hypotenuse(across, along) * part.seconds;
    float stroke = state_.stroke + distance * std::exp(-VALUE(STROKE_DURATION_LOGARITHMIC));
    if (!(stroke > 0.0f)) stroke = 0.0f;
    const float hold = VALUE(STROKE_HOLDTIME);
    const float wrap = static_cast<float>(1.0 + (hold > 0.0f ? hold : 0.0f));
    if (stroke >= wrap) stroke = wrap > 9.9 + 1.0 ? 1.0f : std::fmod(stroke, wrap);
    state_.stroke = stroke;
  }
}

void FastBrush::shape_dab() {
  state_.radius = clamp_radius(std::exp(VALUE(RADIUS_LOGARITHMIC)));
  state_.ratio = VALUE(ELLIPTICAL_DAB_RATIO);
  if (VALUE(ELLIPTICAL_DAB_ANGLE) != asked_angle_) {
    asked_angle_ = VALUE(ELLIPTICAL_DAB_ANGLE);
    const float turned = positive_modulo(static_cast<float>(asked_angle_ + 180.0), 180.0f);
    angle_ = static_cast<float>(turned - 180.0);
  }
  state_.angle = angle_;
}

float FastBrush::opaque() const {
  const float asked = VALUE(OPAQUE) > 0.0f ? VALUE(OPAQUE) : 0.0f;
  float opaque = asked * VALUE(OPAQUE_MULTIPLY);
  opaque = opaque > 1.0f ? 1.0f : opaque < 0.0f ? 0.0f : opaque;
  if (BASE(OPAQUE_LINEARIZE) == 0.0f) return opaque;
  const float through = static_cast<float>(1.0 - opaque);
  return static_cast<float>(1.0 - std::pow(through, linear_exponent_));
}

void FastBrush::mix_ink() {
  const float alpha = VALUE(ERASER) != 0.0f ? static_cast<float>(1.0 - VALUE(ERASER)) : 1.0f;
  ink_ = Ink(red_, green_, blue_, alpha, VALUE(LOCK_ALPHA), VALUE(COLORIZE));
}

void FastBrush::draw(Surface& surface) {
  float opacity = opaque();
  float x = state_.actual_x, y = state_.actual_y;
  if (VALUE(OFFSET_BY_RANDOM) != 0.0f) {
    const float amplitude = VALUE(OFFSET_BY_RANDOM) > 0.0f ? VALUE(OFFSET_BY_RANDOM) : 0.0f;
    x += random_.gauss() * amplitude * base_radius_;
    y += random_.gauss() * amplitude * base_radius_;
  }
  float radius = state_.radius;
  if (VALUE(RADIUS_BY_RANDOM) != 0.0f) {
    const float noise = random_.gauss() * VALUE(RADIUS_BY_RANDOM);
    radius = clamp_radius(std::exp(VALUE(RADIUS_LOGARITHMIC) + noise));
    const float correction = (state_.radius / radius) * (state_.radius / radius);
    if (correction <= 1.0f) opacity *= correction;
  }
  float hardness = VALUE(HARDNESS) > 1.0f ? 1.0f : VALUE(HARDNESS) < 0.0f ? 0.0f : VALUE(HARDNESS);
  const float fade = static_cast<float>(radius * (1.0 - hardness)), least_fade = VALUE(ANTI_ALIASING);
  if (fade < least_fade) {  // soften the edge to at least that many pixels; the dab must look as large as before
    const float optical_radius = static_cast<float>(radius - (1.0 - hardness) * radius / 2.0);
    hardness = static_cast<float>((optical_radius - least_fade / 2.0) / (optical_radius + least_fade / 2.0));
    radius = static_cast<float>(least_fade / (1.0 - hardness));
  }
  if (ink_is_dynamic_) mix_ink();
  surface.draw(x, y, radius, opacity, hardness, state_.ratio, state_.angle, ink_);
}

}  // namespace pymypaint
