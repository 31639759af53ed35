// What a run remembers of its resources: bars of the timeline, occupancy of memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/run_result.hpp"

namespace calvo {

/// Tracks and bars; records nothing unless enabled.
class Timeline {
public:
  explicit Timeline(bool enabled) : enabled_(enabled) {}

  bool enabled() const { return enabled_; }
  std::uint32_t add_track(std::string name) {
    tracks_.push_back(std::move(name));
    return static_cast<std::uint32_t>(tracks_.size() - 1);
  }
  /// `what` is static text.
  void add(std::uint32_t track, const RequestSpec* request, const char* what, Instant begin,
           Instant end) {
    if (!enabled_) return;
    spans_.push_back({track, request != nullptr ? request->id : RequestId{}, request != nullptr,
                      what, begin, end});
  }
  void move_to(RunResult& result) {
    if (!enabled_) return;
    result.tracks = std::move(tracks_);
    result.timeline = std::move(spans_);
  }

private:
  bool enabled_;
  std::vector<std::string> tracks_;
  std::vector<TimelineSpan> spans_;
};

/// A level over time, in at most `most` equal intervals: where a run goes on beyond them, each two
/// become one.
class LevelHistory {
public:
  static constexpr std::size_t most = 512;

  /// The level was `level` from `from` until `to`. Requires: 0 <= from <= to.
  void add(Instant from, Instant to, double level) {
    const std::int64_t begin = from.time_since_epoch().count();
    const std::int64_t end = to.time_since_epoch().count();
    while (end > width_ * static_cast<std::int64_t>(most)) halve();
    if (level == 0) return;
    for (std::int64_t bin = begin / width_; bin * width_ < end; ++bin) {
      const std::int64_t left = std::max(begin, bin * width_);
      const std::int64_t right = std::min(end, (bin + 1) * width_);
      area_[static_cast<std::size_t>(bin)] += level * static_cast<double>(right - left);
    }
  }
  Nanoseconds interval() const { return Nanoseconds{width_}; }
  /// Mean level in each interval until `end`, which is none before the last add().
  std::vector<double> means(Instant end) const {
    const std::int64_t until = end.time_since_epoch().count();
    std::vector<double> out;
    for (std::int64_t begin = 0; begin < until; begin += width_) {
      out.push_back(area_[out.size()] / static_cast<double>(std::min(width_, until - begin)));
    }
    return out;
  }

private:
  void halve() {
    for (std::size_t i = 0; i < most; ++i) {
      area_[i] = 2 * i < most ? area_[2 * i] + area_[2 * i + 1] : 0.0;
    }
    width_ *= 2;
  }

  std::int64_t width_ = 1'000'000;  // ns
  std::vector<double> area_ = std::vector<double>(most, 0.0);
};

/// Time integral, peak and history of the slots in use of one memory.
class MemoryUse {
public:
  void note(Instant now, std::int64_t used) {
    history_.add(since_, now, static_cast<double>(last_));
    area_ += static_cast<double>(last_) * static_cast<double>((now - since_).count());
    since_ = now;
    last_ = used;
    peak_ = std::max(peak_, used);
  }
  /// Mean share of `capacity` from `begin` until `now`, a run's end; empty before `begin`.
  double mean(Instant begin, Instant now, std::int64_t capacity) {
    note(now, last_);
    const auto span = static_cast<double>((now - begin).count());
    return span > 0 && capacity > 0 ? area_ / span / static_cast<double>(capacity) : 0;
  }
  double peak(std::int64_t capacity) const {
    return capacity > 0 ? static_cast<double>(peak_) / static_cast<double>(capacity) : 0;
  }

  std::int64_t last() const { return last_; }
  /// Until `now`, a run's end. Requires: capacity > 0.
  MemoryHistory history(std::string name, Instant now, std::int64_t capacity) {
    note(now, last_);
    MemoryHistory out{std::move(name), history_.interval(), history_.means(now)};
    for (double& share : out.shares) share /= static_cast<double>(capacity);
    return out;
  }
  /// Says in `result` how full it was from `begin` to `end`, a run's; with its history if
  /// `timeline` records. Nothing if it has no slots.
  void report(const std::string& name, std::int64_t capacity, Instant begin, Instant end,
              RunResult& result, const Timeline& timeline) {
    if (capacity == 0) return;
    result.resources.push_back(
        {name, ResourceKind::memory, mean(begin, end, capacity), peak(capacity), Bytes{0}});
    if (timeline.enabled()) result.memory.push_back(history(name, end, capacity));
  }

private:
  LevelHistory history_;
  Instant since_{};
  std::int64_t last_ = 0;
  std::int64_t peak_ = 0;
  double area_ = 0;
};

}  // namespace calvo
