// Means and differences of means over runs that are independent of each other: other seeds, or
// repeats of a real run.
//
// An interval is the wider, at each end, of two: Student's t, and the studentised bootstrap (Efron
// and Tibshirani, An Introduction to the Bootstrap (1993), ch. 12.5). The t interval covers too
// little where runs are skewed, as mean latencies near saturation are (87 % instead of 95 % for ten
// lognormal values); the bootstrap covers too little where most differences are zero; the
// percentile bootstrap covers too little with ten runs whatever they are, and is not used. Together
// they hold 90 to 97 % (tests/analysis/interval_coverage_test.cpp). Below five values there is
// nothing to resample, and Student's t stands alone.
//
// Where all values but one or two are alike, a resample can have none of these, hence no standard
// error to be studentised by, and the plain method puts an end at infinity (Owen, arXiv
// 2508.10083). So a resample's standard error counts as an eighth of that of the values at least:
// where one value differs from all others, an end is 8 standard errors from the mean. Of rare
// events of exponential size, in 5 or 10 % of 5 to 40 runs, intervals that have seen one hold the
// truth in 91 to 97 %; with a quarter, the exact interval of a share where all events are alike
// (Clopper and Pearson, Biometrika 26 (1934) 404-413), they do in 87 to 95 %. Runs that have seen
// none say nothing of what they have not seen.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "analysis/statistics.hpp"

namespace calvo::analysis {

struct MeanInterval {
  double mean = 0;
  double std_dev = 0;  ///< of the values
  std::int64_t count = 0;
  std::optional<Interval> interval;  ///< none for fewer than two values
};

/// Where the mean of a metric can lie; intervals end there, whatever they assume of tails.
inline constexpr Interval anywhere{-std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::infinity()};

/// Deterministic, whatever the order of the values. Requires: 0 < level < 1.
MeanInterval mean_interval(std::span<const double> values, double level = 0.95,
                           Interval possible = anywhere);

/// One mean less another.
struct Difference {
  double mean = 0;
  std::int64_t count = 0;  ///< pairs; unpaired: values of the smaller side
  bool paired = true;
  std::optional<Interval> ci95;  ///< none if a side has fewer than two values
  double p = 1;                  ///< two-sided, of no difference; the larger of the two methods
};

/// Mean of differences of pairs. `comparisons`: how many tests there are in all; the bootstrap
/// takes enough resamples for a p-value that stands up to so many.
Difference paired_difference(std::span<const double> differences, std::size_t comparisons = 1);

/// Mean of `ours` - mean of `reference`, by Welch's statistic (Biometrika 34 (1947) 28-35).
Difference unpaired_difference(std::span<const double> ours, std::span<const double> reference,
                               std::size_t comparisons = 1);

/// p-values so adjusted that to reject where they are below 0.05 makes one false rejection or more
/// with a probability of at most 5 %. Source: Holm, Scand. J. Statist. 6 (1979) 65-70.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace calvo::analysis
