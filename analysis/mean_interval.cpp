#include "analysis/mean_interval.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/student_t.hpp"
#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::analysis {
namespace {

constexpr std::uint64_t seed = 20'060'403;  // any constant: the same data give the same interval
constexpr std::size_t fewest_to_resample = 5;
constexpr double least_error = 0.125;  // of a resample, in standard errors of the values
constexpr double infinite = std::numeric_limits<double>::infinity();

/// A mean and its standard error.
struct Estimate {
  double mean = 0;
  double error = 0;
};

Estimate estimate(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (count - 1) / count);
  // What is left by rounding is no spread.
  return {mean, error > 1e-12 * std::abs(mean) ? error : 0};
}

double studentised(double difference, double error) {
  if (error > 0) return difference / error;
  return difference == 0 ? 0 : std::copysign(infinite, difference);
}

/// Of a resample, from what was `found`: which has spread.
double drawn_from(const Estimate& found, const Estimate& drawn) {
  return (drawn.mean - found.mean) / std::max(drawn.error, least_error * found.error);
}

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> result(values.begin(), values.end());
  std::ranges::sort(result);
  return result;
}

void resample(std::span<const double> from, Random& random, std::vector<double>& to) {
  for (double& value : to) value = from[random.below(from.size())];
}

/// The wider of the t interval and that of the studentised `draws`.
Interval hull(const Estimate& found, double t, std::vector<double>& draws, double level) {
  Interval interval{found.mean - t * found.error, found.mean + t * found.error};
  if (draws.empty()) return interval;
  std::ranges::sort(draws);
  const auto at = [&](double q) {
    return draws[static_cast<std::size_t>(std::llround(q * static_cast<double>(draws.size() - 1)))];
  };
  const double high = at((1 + level) / 2);
  const double low = at((1 - level) / 2);
  interval.low = std::min(interval.low, found.mean - high * found.error);
  interval.high = std::max(interval.high, found.mean - low * found.error);
  return interval;
}

/// How likely a studentised difference at least as far from 0 as `t` is.
double bootstrap_p(double t, const std::vector<double>& sorted_draws) {
  const auto count = static_cast<double>(sorted_draws.size());
  const auto below = std::ranges::upper_bound(sorted_draws, t) - sorted_draws.begin();
  const auto above = sorted_draws.end() - std::ranges::lower_bound(sorted_draws, t);
  const double tail = static_cast<double>(std::min(below, above));
  return std::min(1.0, 2 * (tail + 1) / (count + 1));
}

std::size_t resamples_for(std::size_t comparisons) {
  return std::max<std::size_t>(9'999, 80 * comparisons);
}

/// `draw` gives one studentised difference of a resample from what was found.
template <class Draw>
Difference difference(const Estimate& found, double degrees, bool resamples,
                      std::size_t comparisons, Draw draw) {
  Difference result;
  result.mean = found.mean;
  const double t = studentised(found.mean, found.error);
  std::vector<double> draws;
  if (resamples && found.error > 0) {
    draws.resize(resamples_for(comparisons));
    for (double& each : draws) each = draw();
  }
  result.ci95 = hull(found, student_t_quantile(0.975, degrees), draws, 0.95);
  result.p = t == 0 ? 1 : student_t_two_sided(t, degrees);
  if (!draws.empty()) result.p = std::max(result.p, bootstrap_p(t, draws));
  return result;
}

}  // namespace

MeanInterval mean_interval(std::span<const double> given, double level, Interval possible) {
  CALVO_EXPECT(level > 0 && level < 1);
  const std::vector<double> values = sorted(given);
  MeanInterval result;
  result.count = std::ssize(values);
  if (values.empty()) return result;
  if (values.size() < 2) {
    result.mean = values.front();
    return result;
  }
  const Estimate found = estimate(values);
  const auto count = static_cast<double>(values.size());
  result.mean = found.mean;
  result.std_dev = found.error * std::sqrt(count);
  std::vector<double> draws;
  if (values.size() >= fewest_to_resample && found.error > 0) {
    Random random(seed);
    draws.resize(1'999);
    std::vector<double> again(values.size());
    for (double& draw : draws) {
      resample(values, random, again);
      draw = drawn_from(found, estimate(again));
    }
  }
  const Interval whole = hull(found, student_t_quantile((1 + level) / 2, count - 1), draws, level);
  result.interval = {std::max(whole.low, possible.low), std::min(whole.high, possible.high)};
  return result;
}

Difference paired_difference(std::span<const double> differences, std::size_t comparisons) {
  const std::vector<double> values = sorted(differences);
  if (values.size() < 2) {
    Difference result;
    result.count = std::ssize(values);
    result.mean = values.empty() ? 0 : values.front();
    return result;
  }
  const Estimate found = estimate(values);
  Random random(seed, 1);
  std::vector<double> again(values.size());
  Difference result = difference(found, static_cast<double>(values.size() - 1),
                                 values.size() >= fewest_to_resample, comparisons, [&] {
                                   resample(values, random, again);
                                   return drawn_from(found, estimate(again));
                                 });
  result.count = std::ssize(values);
  return result;
}

Difference unpaired_difference(std::span<const double> ours, std::span<const double> reference,
                               std::size_t comparisons) {
  const std::vector<double> a = sorted(ours);
  const std::vector<double> b = sorted(reference);
  const std::size_t fewer = std::min(a.size(), b.size());
  if (fewer < 2) {
    Difference result;
    result.paired = false;
    result.count = static_cast<std::int64_t>(fewer);
    if (fewer == 1) result.mean = spread_of(a).mean - spread_of(b).mean;
    return result;
  }
  const Estimate of_a = estimate(a);
  const Estimate of_b = estimate(b);
  const auto together = [](const Estimate& x, const Estimate& y) {
    return Estimate{x.mean - y.mean, std::hypot(x.error, y.error)};
  };
  const Estimate found = together(of_a, of_b);
  const double va = of_a.error * of_a.error;
  const double vb = of_b.error * of_b.error;
  const double degrees = found.error > 0 ? (va + vb) * (va + vb) /
                                               (va * va / static_cast<double>(a.size() - 1) +
                                                vb * vb / static_cast<double>(b.size() - 1))
                                         : static_cast<double>(fewer - 1);
  Random random(seed, 2);
  std::vector<double> again_a(a.size());
  std::vector<double> again_b(b.size());
  Difference result = difference(found, degrees, fewer >= fewest_to_resample, comparisons, [&] {
    resample(a, random, again_a);
    resample(b, random, again_b);
    return drawn_from(found, together(estimate(again_a), estimate(again_b)));
  });
  result.paired = false;
  result.count = static_cast<std::int64_t>(fewer);
  return result;
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p_values[i]; });
  std::vector<double> adjusted(p_values.size());
  double worst = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    worst = std::max(worst, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = worst;
  }
  return adjusted;
}

}  // namespace calvo::analysis
