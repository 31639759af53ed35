// The search for the largest rate that meets the objectives: bisection over the logarithm.
#pragma once

#include <map>
#include <vector>

#include "sweeps/crossing.hpp"

namespace calvo::sweeps {

/// Asks for attainments at rates until it knows where the mean and both of its confidence limits
/// fall below the target, each to a ratio of 1 + tolerance. Where attainment rises again with the
/// rate it finds the first fall among what it has seen. Pure: what it asks next depends on the
/// answers only, not on their order.
class RateSearch {
public:
  struct Options {
    double from = 0;  ///< above 0
    double to = 0;    ///< above `from`
    double tolerance = 0.05;
    double target = 0.9;
  };
  explicit RateSearch(const Options& options) : options_(options) {}

  /// Rates that are wanted next, ascending; empty: the search is over.
  /// Requires: all that were wanted before are known.
  std::vector<double> wanted() const;

  /// What was seen at a rate that was wanted.
  void tell(const RatePoint& point) { seen_[point.rate] = point; }

  std::vector<RatePoint> seen() const;
  Crossing result() const { return crossing(seen(), options_.target); }
  /// Rates that are still to be asked for at most, for an estimate of the time.
  int most_left() const;

private:
  Options options_;
  std::map<double, RatePoint> seen_;
};

}  // namespace calvo::sweeps
