#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "core/contract.hpp"
#include "models/step_parts.hpp"

namespace calvo::models {

namespace {

using Key = std::pair<std::int64_t, std::int64_t>;

// Two values of the grid around `value` and how far it lies between them, in logarithms.
struct Bracket {
  std::int64_t low;
  std::int64_t high;
  double part;
};

Bracket bracket(const std::vector<std::int64_t>& grid, std::int64_t value) {
  const auto above = std::ranges::lower_bound(grid, value);
  if (above == grid.end()) return {grid.back(), grid.back(), 0};
  if (*above == value || above == grid.begin()) return {*above, *above, 0};
  const std::int64_t low = *(above - 1);
  const double part = std::log(static_cast<double>(value) / static_cast<double>(low)) /
                      std::log(static_cast<double>(*above) / static_cast<double>(low));
  return {low, *above, part};
}

std::vector<std::int64_t> sorted_distinct(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  const auto repeated = std::ranges::unique(values);
  values.erase(repeated.begin(), repeated.end());
  return values;
}

}  // namespace

Curve gemm_curve(const WideTable& table, std::int64_t n, std::int64_t k) {
  CALVO_EXPECT(!table.rows.empty() && n >= 1 && k >= 1);
  std::map<Key, const WideTable::Row*> rows;
  std::vector<std::int64_t> ns;
  std::vector<std::int64_t> ks;
  for (const WideTable::Row& row : table.rows) {
    rows[{row.key[0], row.key[1]}] = &row;
    ns.push_back(row.key[0]);
    ks.push_back(row.key[1]);
  }
  const Bracket in_n = bracket(sorted_distinct(std::move(ns)), n);
  const Bracket in_k = bracket(sorted_distinct(std::move(ks)), k);
  const auto row_at = [&](std::int64_t a, std::int64_t b) {
    const auto found = rows.find({a, b});
    return found == rows.end() ? nullptr : found->second;
  };
  const WideTable::Row* corners[] = {row_at(in_n.low, in_k.low), row_at(in_n.high, in_k.low),
                                     row_at(in_n.low, in_k.high), row_at(in_n.high, in_k.high)};
  const double weights[] = {(1 - in_n.part) * (1 - in_k.part), in_n.part * (1 - in_k.part),
                            (1 - in_n.part) * in_k.part, in_n.part * in_k.part};
  const bool complete = std::ranges::all_of(corners, [&](const WideTable::Row* row) {
    return row != nullptr && row->x == corners[0]->x;
  });
  if (complete) {
    // Beyond the grid's end the work grows with n and k.
    const double scale = std::max(1.0, static_cast<double>(n) / static_cast<double>(in_n.high)) *
                         std::max(1.0, static_cast<double>(k) / static_cast<double>(in_k.high));
    std::vector<double> seconds(corners[0]->x.size());
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      double logarithm = 0;
      for (std::size_t c = 0; c < 4; ++c)
        logarithm += weights[c] * std::log(corners[c]->seconds[i]);
      seconds[i] = scale * std::exp(logarithm);
    }
    return Curve::at_constant_rate(corners[0]->x, std::move(seconds));
  }
  const auto distance = [&](const auto& entry) {
    const auto away = [](std::int64_t a, std::int64_t b) {
      return std::abs(std::log(static_cast<double>(a) / static_cast<double>(b)));
    };
    return away(entry.first.first, n) + away(entry.first.second, k);
  };
  const auto nearest = std::ranges::min_element(rows, {}, distance);
  const double scale = static_cast<double>(n) / static_cast<double>(nearest->first.first) *
                       static_cast<double>(k) / static_cast<double>(nearest->first.second);
  return Curve::at_constant_rate(nearest->second->x, nearest->second->seconds).scaled(scale);
}

}  // namespace calvo::models
