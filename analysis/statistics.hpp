// The statistics that results are told in, each with its definition.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace calvo::analysis {

/// The q-quantile (0 <= q <= 1) of `sorted`, by linear interpolation between order statistics: the
/// value at position q * (n - 1), as numpy's default and R's type 7.
/// Requires: `sorted` is ascending and not empty.
double quantile(std::span<const double> sorted, double q);

/// What is told of a latency. Meaningless where count is 0.
struct Spread {
  std::int64_t count = 0;
  double mean = 0;
  double median = 0;
  double std_dev = 0;  ///< of the sample (n - 1); 0 for one value
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;

  friend bool operator==(const Spread&, const Spread&) = default;
};
Spread spread_of(std::vector<double> values);

struct Interval {
  double low = 0;
  double high = 0;

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// 95 % confidence interval of a share. Source: Wilson, JASA 22 (1927) 209-212. It takes the trials
/// as independent; requests that queue behind each other are not, so it is the narrowest that is
/// defensible. Requires: 0 <= hits <= trials, trials > 0.
Interval wilson_95(std::int64_t hits, std::int64_t trials);

/// Values that stand or fall together (the requests of one session): resampled as a whole.
struct Cluster {
  double sum = 0;
  std::int64_t count = 0;
};

/// 95 % percentile bootstrap interval of the mean over all values, resampling clusters with
/// replacement. Deterministic. Source: Efron and Tibshirani, An Introduction to the Bootstrap
/// (1993), ch. 13; Field and Welsh, JRSS B 69 (2007) 369-390 for clusters.
/// Requires: some cluster has a value.
Interval bootstrap_mean_95(std::span<const Cluster> clusters);

}  // namespace calvo::analysis
