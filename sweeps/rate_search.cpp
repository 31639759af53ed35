#include "sweeps/rate_search.hpp"

#include <cmath>
#include <iterator>
#include <set>

namespace calvo::sweeps {
namespace {

using Seen = std::map<double, RatePoint>;

/// Does the objective hold at a rate: for the mean, or for sure, or perhaps?
using Holds = bool (*)(const RatePoint&, double target);
constexpr Holds questions[] = {
    [](const RatePoint& point, double target) { return point.mean >= target; },
    [](const RatePoint& point, double target) {
      return point.interval && point.interval->low >= target;
    },
    [](const RatePoint& point, double target) {
      return !point.interval || point.interval->high >= target;
    },
};

struct Bracket {
  double low = 0;   ///< holds here
  double high = 0;  ///< does not here
};

/// Around the first rate where `holds` ends; none if that is not between two rates that were seen.
std::optional<Bracket> bracket(const Seen& seen, Holds holds, double target) {
  for (auto point = seen.begin(); point != seen.end(); ++point) {
    if (holds(point->second, target)) continue;
    if (point == seen.begin()) return std::nullopt;
    return Bracket{std::prev(point)->first, point->first};
  }
  return std::nullopt;
}

}  // namespace

std::vector<double> RateSearch::wanted() const {
  if (seen_.empty()) return {options_.from, options_.to};
  std::set<double> rates;
  const bool known = seen_.begin()->second.interval.has_value();
  for (const Holds holds : questions) {
    const auto around = bracket(seen_, holds, options_.target);
    if (around && around->high > around->low * (1 + options_.tolerance)) {
      rates.insert(std::sqrt(around->low * around->high));
    }
    if (!known) break;  // one seed: there are no limits to look for
  }
  return {rates.begin(), rates.end()};
}

std::vector<RatePoint> RateSearch::seen() const {
  std::vector<RatePoint> points;
  for (const auto& [rate, point] : seen_) points.push_back(point);
  return points;
}

int RateSearch::most_left() const {
  const auto halvings = [&](double low, double high) {
    return std::max(0.0,
                    std::ceil(std::log2(std::log(high / low) / std::log1p(options_.tolerance))));
  };
  if (seen_.empty()) return 2 + static_cast<int>(halvings(options_.from, options_.to)) + 4;
  double left = 0;
  for (const Holds holds : questions) {
    const auto around = bracket(seen_, holds, options_.target);
    if (around) left += halvings(around->low, around->high);
  }
  return static_cast<int>(left);
}

}  // namespace calvo::sweeps
