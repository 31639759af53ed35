#pragma once

#include <cstddef>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "core/units.hpp"

namespace calvo::analysis {

/// Spreads spans that overlap over lanes on which none do: each span takes the lowest lane that is
/// free when it begins.
class TimelineLanes {
public:
  /// The lane of a span, counted from 0. Requires: spans come in order of their begins. Cost:
  /// logarithmic in the lanes.
  std::size_t place(Instant begin, Instant end) {
    while (!busy_.empty() && busy_.top().first <= begin) {
      free_.push(busy_.top().second);
      busy_.pop();
    }
    std::size_t lane = count_;
    if (free_.empty()) {
      ++count_;
    } else {
      lane = free_.top();
      free_.pop();
    }
    busy_.emplace(end, lane);
    return lane;
  }

private:
  template <class T>
  using Least = std::priority_queue<T, std::vector<T>, std::greater<>>;

  Least<std::pair<Instant, std::size_t>> busy_;  ///< until when, lane
  Least<std::size_t> free_;
  std::size_t count_ = 0;
};

}  // namespace calvo::analysis
