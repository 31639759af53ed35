// Quantities with a dimension. A number that has a unit is never passed as a bare number.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <compare>
#include <cstdint>

namespace calvo {

/// A count of one dimension. Same-dimension arithmetic only; other combinations are written out
/// below, so an expression that compiles is dimensionally right.
template <class Dimension, class Rep>
class Quantity {
public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep count) : count_(count) {}
  constexpr Rep count() const { return count_; }

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity{a.count_ + b.count_};
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity{a.count_ - b.count_};
  }
  friend constexpr Quantity operator*(Rep k, Quantity a) { return Quantity{k * a.count_}; }
  constexpr Quantity& operator+=(Quantity b) { return *this = *this + b; }
  constexpr Quantity& operator-=(Quantity b) { return *this = *this - b; }

private:
  Rep count_{};
};

using Bytes = Quantity<struct BytesTag, std::int64_t>;
using Tokens = Quantity<struct TokensTag, std::int64_t>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag, double>;
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag, double>;
/// Requests, sessions or calls a second.
using PerSecond = Quantity<struct PerSecondTag, double>;

/// A length of time as a model computes it.
using Seconds = std::chrono::duration<double>;
/// A length of time as events carry it.
using Nanoseconds = std::chrono::duration<std::int64_t, std::nano>;

/// A date of a run, in whole nanoseconds from its start. Simulator and real runner both produce
/// it; it does not convert to or from any system clock.
struct RunClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Nanoseconds;
};
using Instant = std::chrono::time_point<RunClock, Nanoseconds>;

/// "No date": later than every date of a run.
inline constexpr Instant never = Instant::max();

/// No run is longer, and no time that a user writes: up to here seconds in double precision tell
/// nanoseconds apart, and the clocks of solvers are such seconds.
inline constexpr Seconds longest_run{8'388'608};  // 2^23
inline constexpr const char* longest_run_text = "8388608 s (97 days)";

/// The nearest whole nanosecond; what lies beyond 73 years is there, so that dates can be added.
inline Nanoseconds rounded_nanoseconds(double nanoseconds) {
  return Nanoseconds{std::llround(std::clamp(nanoseconds, -0x1p61, 0x1p61))};
}
/// The one place where a computed time becomes a date.
inline Nanoseconds to_nanoseconds(Seconds time) {
  return rounded_nanoseconds(time.count() * 1e9);
}
constexpr Seconds to_seconds(Nanoseconds time) {
  return Seconds{static_cast<double>(time.count()) * 1e-9};
}
/// Seconds since the start of the run.
constexpr double seconds_of(Instant date) {
  return static_cast<double>(date.time_since_epoch().count()) * 1e-9;
}
inline Instant instant_at(double seconds) {
  return Instant{to_nanoseconds(Seconds{seconds})};
}

constexpr Seconds operator/(Bytes size, BytesPerSecond rate) {
  return Seconds{static_cast<double>(size.count()) / rate.count()};
}
constexpr BytesPerSecond operator/(Bytes size, Seconds time) {
  return BytesPerSecond{static_cast<double>(size.count()) / time.count()};
}
constexpr double operator/(BytesPerSecond a, BytesPerSecond b) {
  return a.count() / b.count();
}

namespace literals {
constexpr Bytes operator""_B(unsigned long long n) {
  return Bytes{static_cast<std::int64_t>(n)};
}
constexpr Bytes operator""_KiB(unsigned long long n) {
  return Bytes{static_cast<std::int64_t>(n) << 10};
}
constexpr Bytes operator""_MiB(unsigned long long n) {
  return Bytes{static_cast<std::int64_t>(n) << 20};
}
constexpr Bytes operator""_GiB(unsigned long long n) {
  return Bytes{static_cast<std::int64_t>(n) << 30};
}
constexpr Tokens operator""_tok(unsigned long long n) {
  return Tokens{static_cast<std::int64_t>(n)};
}
constexpr BytesPerSecond operator""_GBps(unsigned long long n) {
  return BytesPerSecond{static_cast<double>(n) * 1e9};
}
/// Links are sold in bits per second; everything else here counts bytes.
constexpr BytesPerSecond operator""_Gbitps(unsigned long long n) {
  return BytesPerSecond{static_cast<double>(n) * 1e9 / 8};
}
}  // namespace literals

}  // namespace calvo
