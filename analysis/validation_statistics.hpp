// The statistics of a validation. docs/validation.md has them in words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analysis/statistics.hpp"

namespace calvo::analysis {

/// How often each repeat counts in one resample.
using Weights = std::vector<std::int64_t>;

/// What `statistic` gives for each of 2,000 bootstrap resamples of `repeats` whole runs: a resample
/// draws as many repeats as there are, with replacement, and hands over how often each was drawn.
/// Deterministic; another `stream` gives independent resamples. Evaluates each multiset of repeats
/// once. Requires: repeats > 0. Source: Efron and Tibshirani, An Introduction to the Bootstrap
/// (1993), ch. 13.
std::vector<std::vector<double>> resample_runs(
    std::size_t repeats, std::uint64_t stream,
    const std::function<std::vector<double>(const Weights&)>& statistic);

/// The interval that holds the middle 95 % of `draws`. Requires: not empty.
Interval middle_95(std::vector<double> draws);

/// A value and which repeat it is of.
struct PooledValue {
  double value = 0;
  std::uint32_t repeat = 0;
};

/// quantile() of the values of all repeats together, each counted `weights[repeat]` times.
/// Requires: `sorted` ascends by value; the weights leave something; 0 <= q <= 1.
double pooled_quantile(std::span<const PooledValue> sorted, const Weights& weights, double q);

/// Pearson's correlation; none for fewer than two pairs or where one side is constant.
std::optional<double> pearson(std::span<const std::pair<double, double>> pairs);

/// One engine in a ranking.
struct Ranked {
  std::string name;
  double simulated = 0;
  double real = 0;
  std::optional<Interval> real_ci95;  ///< none: its differences are never significant
};

/// Does the simulator put engines in the order in which they really are? Only pairs count whose
/// real 95 % intervals do not overlap.
struct RankAgreement {
  std::int64_t pairs = 0;        ///< of engines
  std::int64_t significant = 0;  ///< that count: agreeing + tied + flipped
  std::int64_t agreeing = 0;
  std::int64_t tied = 0;  ///< the simulator sees no difference
  std::vector<std::pair<std::string, std::string>> flipped;
  /// Kendall's tau-b over the pairs that count; none if there is none or all are tied.
  std::optional<double> tau_b;
};
RankAgreement rank_agreement(std::span<const Ranked> engines);

}  // namespace calvo::analysis
