// The largest rate at which the objectives are met, from what was seen at some rates.
#pragma once

#include <optional>
#include <span>

#include "analysis/statistics.hpp"

namespace calvo::sweeps {

/// Attainment at one rate, over seeds.
struct RatePoint {
  double rate = 0;
  double mean = 0;
  std::optional<analysis::Interval> interval;  ///< of the mean
};

enum class Outcome { found, always, never, unknown };

/// `always` and `never`: at every rate that was tried, at none.
struct Crossing {
  Outcome outcome = Outcome::unknown;
  std::optional<double> rate;
  std::optional<double> low;  ///< 95 % confidence, none: no rate that was tried bounds it
  std::optional<double> high;
};

/// Where the mean first falls below `target`, interpolated linearly over the logarithm of the rate.
/// The interval is the set of rates at which a t test does not tell the attainment from the target
/// (its lower limit has fallen below, its upper limit has not): a test inverted, so that it needs
/// nothing but that attainment falls with the rate. Requires: rates ascend, above 0; not empty.
Crossing crossing(std::span<const RatePoint> points, double target);

}  // namespace calvo::sweeps
