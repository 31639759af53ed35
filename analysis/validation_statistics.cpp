#include "analysis/validation_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::analysis {
namespace {

constexpr int resamples = 2000;
constexpr std::uint64_t seed = 20'060'402;  // any constant: the same data give the same interval

bool overlap(const Interval& a, const Interval& b) {
  return a.low <= b.high && b.low <= a.high;
}

}  // namespace

std::vector<std::vector<double>> resample_runs(
    std::size_t repeats, std::uint64_t stream,
    const std::function<std::vector<double>(const Weights&)>& statistic) {
  CALVO_EXPECT(repeats > 0);
  Random random(seed, stream);
  std::map<Weights, std::vector<double>> known;
  std::vector<std::vector<double>> draws;
  draws.reserve(resamples);
  for (int draw = 0; draw < resamples; ++draw) {
    Weights weights(repeats, 0);
    for (std::size_t i = 0; i < repeats; ++i) weights[random.below(repeats)] += 1;
    const auto [entry, is_new] = known.try_emplace(weights);
    if (is_new) entry->second = statistic(weights);
    draws.push_back(entry->second);
  }
  return draws;
}

Interval middle_95(std::vector<double> draws) {
  std::ranges::sort(draws);
  return {quantile(draws, 0.025), quantile(draws, 0.975)};
}

double pooled_quantile(std::span<const PooledValue> sorted, const Weights& weights, double q) {
  std::int64_t total = 0;
  for (const PooledValue& value : sorted) total += weights[value.repeat];
  CALVO_EXPECT(total > 0 && q >= 0 && q <= 1);
  const double position = q * static_cast<double>(total - 1);
  const auto below = static_cast<std::int64_t>(position);
  const std::int64_t above = std::min(below + 1, total - 1);
  double at_below = 0;
  std::int64_t seen = 0;
  for (const PooledValue& value : sorted) {
    const std::int64_t before = seen;
    seen += weights[value.repeat];
    if (before <= below && below < seen) at_below = value.value;
    if (above < seen) {
      return at_below + (position - static_cast<double>(below)) * (value.value - at_below);
    }
  }
  CALVO_ENSURE(false);
  return at_below;
}

std::optional<double> pearson(std::span<const std::pair<double, double>> pairs) {
  if (pairs.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(pairs.size());
  double mean_x = 0;
  double mean_y = 0;
  for (const auto& [x, y] : pairs) {
    mean_x += x / count;
    mean_y += y / count;
  }
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (const auto& [x, y] : pairs) {
    xx += (x - mean_x) * (x - mean_x);
    yy += (y - mean_y) * (y - mean_y);
    xy += (x - mean_x) * (y - mean_y);
  }
  if (xx <= 0 || yy <= 0) return std::nullopt;
  return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

RankAgreement rank_agreement(std::span<const Ranked> engines) {
  RankAgreement agreement;
  for (std::size_t i = 0; i < engines.size(); ++i) {
    for (std::size_t j = i + 1; j < engines.size(); ++j) {
      const Ranked& a = engines[i];
      const Ranked& b = engines[j];
      agreement.pairs += 1;
      if (!a.real_ci95 || !b.real_ci95 || overlap(*a.real_ci95, *b.real_ci95)) continue;
      agreement.significant += 1;
      if (a.simulated == b.simulated) {
        agreement.tied += 1;
      } else if ((a.simulated < b.simulated) == (a.real < b.real)) {
        agreement.agreeing += 1;
      } else {
        agreement.flipped.emplace_back(a.name, b.name);
      }
    }
  }
  // Tau-b: (C - D) / sqrt((n - ties in x) (n - ties in y)); what really differs is never tied.
  const std::int64_t untied = agreement.significant - agreement.tied;
  if (untied > 0) {
    const auto flipped = static_cast<double>(agreement.flipped.size());
    agreement.tau_b =
        (static_cast<double>(agreement.agreeing) - flipped) /
        std::sqrt(static_cast<double>(untied) * static_cast<double>(agreement.significant));
  }
  return agreement;
}

}  // namespace calvo::analysis
