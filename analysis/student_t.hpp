// Intervals of a mean over runs that are independent of each other (other seeds, other repeats).
#pragma once

#include <optional>
#include <span>

#include "analysis/statistics.hpp"

namespace calvo::analysis {

/// The p-quantile of Student's t distribution. Requires: 0 < p < 1, degrees > 0.
double student_t_quantile(double p, double degrees);
/// P(|T| >= |t|). Requires: degrees > 0.
double student_t_two_sided(double t, double degrees);

/// Mean of `values` with the interval mean +- t s / sqrt(n) of the given level. The interval is
/// none for fewer than two values. With n in the tens it holds its level for everything that is not
/// very skewed; the percentile bootstrap does not (tests/analysis/interval_coverage_test.cpp).
struct MeanInterval {
  double mean = 0;
  double std_dev = 0;
  std::int64_t count = 0;
  std::optional<Interval> interval;
};
MeanInterval mean_interval(std::span<const double> values, double level = 0.95);

}  // namespace calvo::analysis
