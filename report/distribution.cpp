#include "report/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>

#include "analysis/statistics.hpp"
#include "core/contract.hpp"

namespace calvo::report {
namespace {

using Json = nlohmann::ordered_json;
using analysis::RequestRow;

/// More points than this a plot of 1000 pixels cannot show apart.
constexpr std::size_t most_points = 400;

/// Evenly spaced, and closer at the far tail.
std::vector<double> drawn_shares() {
  std::vector<double> shares;
  for (int i = 0; i <= 198; ++i) shares.push_back(i / 200.0);
  for (int i = 1; i <= 20; ++i) shares.push_back(0.99 + i / 2000.0);
  return shares;
}

/// Of each point that is kept, how many of `sorted` are at or below it.
std::set<std::size_t> counts_to_keep(const std::vector<double>& sorted,
                                     std::span<const double> limits) {
  const std::size_t n = sorted.size();
  std::set<std::size_t> counts;
  const auto at_or_below = [&](double value) {
    return static_cast<std::size_t>(
        std::distance(sorted.begin(), std::ranges::upper_bound(sorted, value)));
  };
  const auto keep_rank = [&](std::size_t rank) { counts.insert(at_or_below(sorted[rank])); };
  if (n <= most_points) {
    for (std::size_t rank = 0; rank < n; ++rank) keep_rank(rank);
    return counts;
  }
  for (const double share : drawn_shares()) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(n)));
    keep_rank(std::clamp<std::size_t>(rank, 1, n) - 1);
  }
  for (const double limit : limits) {
    const std::size_t within = at_or_below(limit);
    if (within > 0) counts.insert(within);
    if (within < n) keep_rank(within);
  }
  return counts;
}

}  // namespace

Json distribution_function(std::vector<double> values, std::size_t of,
                           std::span<const double> limits) {
  CALVO_EXPECT(values.size() <= of);
  std::ranges::sort(values);
  const Json none = Json::array();
  Json json = {{"of", of}, {"values", none}, {"counts", none}, {"quantiles", none}};
  for (const std::size_t count : counts_to_keep(values, limits)) {
    json["values"].push_back(values[count - 1]);
    json["counts"].push_back(count);
  }
  if (values.empty()) return json;
  for (const double share : quantile_shares) {
    json["quantiles"].push_back(analysis::quantile(values, share));
  }
  return json;
}

Json distribution_of(const RunGroup& group) {
  std::vector<double> ttft;
  std::vector<double> to_deadline;
  std::vector<double> deadlines;
  std::size_t all = 0;
  for_each_measured(group, [&](const RequestRow& row) {
    if (row.outcome == Outcome::cancelled) return;
    ++all;
    if (row.deadline_s) deadlines.push_back(*row.deadline_s);
    if (!row.ttft_s || row.outcome != Outcome::completed) return;
    ttft.push_back(*row.ttft_s);
    if (row.deadline_s && *row.deadline_s > 0) to_deadline.push_back(*row.ttft_s / *row.deadline_s);
  });
  std::ranges::sort(deadlines);
  std::vector<double> spread;
  if (!deadlines.empty()) {
    for (const double share : {0.05, 0.5, 0.95}) {
      spread.push_back(analysis::quantile(deadlines, share));
    }
  }
  Json json = {{"ttft_s", distribution_function(std::move(ttft), all, spread)}};
  const std::array in_time{1.0};
  json["to_deadline"] = distribution_function(std::move(to_deadline), deadlines.size(), in_time);
  json["deadline_s"] = spread;
  return json;
}

}  // namespace calvo::report
