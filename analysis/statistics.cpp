#include "analysis/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::analysis {
namespace {

constexpr double normal_975 = 1.959963984540054;  // the 0.975 quantile of N(0, 1)
constexpr int resamples = 2000;

}  // namespace

double quantile(std::span<const double> sorted, double q) {
  CALVO_EXPECT(!sorted.empty() && q >= 0 && q <= 1);
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = position - static_cast<double>(below);
  return sorted[below] + share * (sorted[above] - sorted[below]);
}

Spread spread_of(std::vector<double> values) {
  Spread spread;
  if (values.empty()) return spread;
  std::ranges::sort(values);  // also makes the sums independent of the order of requests
  const auto count = static_cast<double>(values.size());
  spread.count = static_cast<std::int64_t>(values.size());
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.std_dev = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  spread.median = quantile(values, 0.5);
  spread.p90 = quantile(values, 0.9);
  spread.p95 = quantile(values, 0.95);
  spread.p99 = quantile(values, 0.99);
  return spread;
}

Interval wilson_95(std::int64_t hits, std::int64_t trials) {
  CALVO_EXPECT(hits >= 0 && hits <= trials && trials > 0);
  const auto n = static_cast<double>(trials);
  const double share = static_cast<double>(hits) / n;
  const double z2 = normal_975 * normal_975;
  const double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
  const double half =
      normal_975 / (1 + z2 / n) * std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
  return {hits == 0 ? 0.0 : std::max(0.0, centre - half),
          hits == trials ? 1.0 : std::min(1.0, centre + half)};
}

Interval bootstrap_mean_95(std::span<const Cluster> clusters) {
  Random random(20'060'401);  // any constant: the same data give the same interval
  std::vector<double> means;
  means.reserve(resamples);
  for (int draw = 0; draw < resamples; ++draw) {
    double sum = 0;
    std::int64_t count = 0;
    while (count == 0) {  // a draw of empty clusters only says nothing
      for (std::size_t i = 0; i < clusters.size(); ++i) {
        const Cluster& cluster = clusters[random.below(clusters.size())];
        sum += cluster.sum;
        count += cluster.count;
      }
    }
    means.push_back(sum / static_cast<double>(count));
  }
  std::ranges::sort(means);
  return {quantile(means, 0.025), quantile(means, 0.975)};
}

}  // namespace calvo::analysis
