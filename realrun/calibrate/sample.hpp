// Times of the same thing, measured some times.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/units.hpp"

namespace calvo::realrun {

/// Wall time since some fixed date.
inline Seconds wall_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

struct Sample {
  std::string what;  ///< for example "network_read"
  std::int64_t size = 0, count = 0, context = 0;
  std::vector<double> seconds;  ///< sorted

  Seconds quantile(double share) const {
    const auto last = static_cast<double>(seconds.size() - 1);
    return Seconds{seconds[static_cast<std::size_t>(share * last + 0.5)]};
  }
  Seconds median() const { return quantile(0.5); }
  /// Half the distance between the quartiles, relative to the median.
  double spread() const { return (quantile(0.75) - quantile(0.25)).count() / 2 / median().count(); }
};

/// Calls `once`, which returns the time of what it measured, `repeats` times after one that does
/// not count.
template <class Once>
Sample repeat(std::string what, std::int64_t size, std::int64_t count, std::int64_t context,
              int repeats, Once once) {
  Sample sample{std::move(what), size, count, context, {}};
  once();
  for (int i = 0; i < repeats; ++i) sample.seconds.push_back(Seconds{once()}.count());
  std::ranges::sort(sample.seconds);
  return sample;
}

}  // namespace calvo::realrun
