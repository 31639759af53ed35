// Whether the load of a real run was what it had to be.
#pragma once

#include "analysis/statistics.hpp"

namespace calvo::analysis {

/// A generator whose P99 lateness is above this share of the run's median TTFT was late.
inline constexpr double most_lateness = 0.01;
/// A spare core busier than this may have held up what it was spared for.
inline constexpr double most_spare_busy = 0.8;

/// `ttft` in milliseconds. A run in which nothing completed has no median to be late by.
inline bool came_late(double lateness_p99_s, const Spread& ttft) {
  return ttft.count > 0 && 1e3 * lateness_p99_s > most_lateness * ttft.median;
}

inline bool was_too_busy(double spare_cpu_busy) {
  return spare_cpu_busy > most_spare_busy;
}

}  // namespace calvo::analysis
