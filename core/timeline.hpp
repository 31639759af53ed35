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

/// Time integral and peak of the slots in use of one memory.
class MemoryUse {
public:
  void note(Instant now, std::int64_t used) {
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

private:
  Instant since_{};
  std::int64_t last_ = 0;
  std::int64_t peak_ = 0;
  double area_ = 0;
};

}  // namespace calvo
