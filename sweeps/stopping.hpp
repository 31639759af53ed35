// How many seeds are enough.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analysis/mean_interval.hpp"
#include "sweeps/sweep_file.hpp"

namespace calvo::sweeps {

/// Looks at a growing number of values, at sizes that are fixed beforehand, and stops once the
/// interval is narrow enough.
///
/// To look often and stop at a narrow interval makes a 95 % interval cover less than 95 %. So each
/// of the K looks takes an interval of the level 1 - 0.05 / K: with a probability of 95 % all of
/// them cover at once (Bonferroni), hence also the one at which it stops, whatever the rule.
class Stopping {
public:
  /// Looks at `first` values, then at half as many more each time, last at `until.max_seeds`.
  Stopping(const Until& until, std::size_t first);

  const std::vector<std::size_t>& looks() const { return looks_; }
  double level() const;
  bool narrow_enough(std::span<const double> values) const;

private:
  Until until_;
  std::vector<std::size_t> looks_;
};

}  // namespace calvo::sweeps
