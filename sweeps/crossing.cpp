#include "sweeps/crossing.hpp"

#include <cmath>
#include <functional>

#include "core/contract.hpp"

namespace calvo::sweeps {
namespace {

using Curve = std::function<double(const RatePoint&)>;

/// Where `curve` first is below the target; none if it nowhere is. The first rate if it is there.
std::optional<double> falls_below(std::span<const RatePoint> points, double target,
                                  const Curve& curve) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double here = curve(points[i]);
    if (here >= target) continue;
    if (i == 0) return points[0].rate;
    const double before = curve(points[i - 1]);
    const double share = (before - target) / (before - here);
    return points[i - 1].rate * std::pow(points[i].rate / points[i - 1].rate, share);
  }
  return std::nullopt;
}

}  // namespace

Crossing crossing(std::span<const RatePoint> points, double target) {
  CALVO_EXPECT(!points.empty());
  Crossing result;
  bool intervals = true;
  for (const RatePoint& point : points) intervals = intervals && point.interval.has_value();
  const auto mean = [](const RatePoint& point) { return point.mean; };
  const auto low = [](const RatePoint& point) { return point.interval->low; };
  const auto high = [](const RatePoint& point) { return point.interval->high; };
  const bool met_first = points.front().mean >= target;
  const auto root = falls_below(points, target, mean);
  result.outcome = !met_first ? Outcome::never : root ? Outcome::found : Outcome::always;
  if (result.outcome == Outcome::found) result.rate = root;
  if (!intervals) return result;
  if (low(points.front()) >= target) {
    result.low = falls_below(points, target, low);
    if (!result.low) result.low = points.back().rate;  // good for sure up to the last
  }
  if (high(points.front()) < target) {
    result.high = points.front().rate;
  } else {
    result.high = falls_below(points, target, high);
  }
  return result;
}

}  // namespace calvo::sweeps
