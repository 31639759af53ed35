#include "analysis/validation_cell.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "analysis/warnings.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::analysis {
namespace {

constexpr std::size_t stages = stage_columns.size();
constexpr std::size_t scales = slo_scales.size();

/// Places in the vector of statistics that is resampled.
enum Statistic : std::size_t {
  mean,
  p50,
  p90,
  p99,
  request_median,
  first_attainment,
  first_stage = first_attainment + scales,
  statistics = first_stage + stages
};

/// What the counted requests of one run add up to.
struct Sums {
  std::vector<double> ttft_ms;
  double ttft_sum_ms = 0;
  std::array<double, stages> stage_sum_ms{};
  std::int64_t judged = 0;
  std::array<std::int64_t, scales> met{};
};

bool has_ttft(const RequestRow& row) {
  return row.outcome == Outcome::completed && row.ttft_s.has_value();
}

Sums sums_of(const ValidationRun& run, const RowsById& rows, const RowsById& predicted) {
  Sums sums;
  for (const auto& [id, row] : rows) {
    if (has_ttft(*row)) {
      if (*row->ttft_s <= 0) {
        throw InputError({run.run.path, 0, 0}, "",
                         fmt::format("request {} has a TTFT of {} s, and each takes some time; run "
                                     "it again",
                                     id, *row->ttft_s));
      }
      sums.ttft_ms.push_back(1e3 * *row->ttft_s);
      sums.ttft_sum_ms += sums.ttft_ms.back();
      for (std::size_t i = 0; row->stages_s && i < stages; ++i) {
        sums.stage_sum_ms[i] += 1e3 * (*row->stages_s)[i];
      }
    }
    const auto& deadline_s = predicted.at(id)->deadline_s;
    if (!deadline_s || row->outcome == Outcome::cancelled) continue;
    sums.judged += 1;
    for (std::size_t i = 0; i < scales; ++i) {
      sums.met[i] += has_ttft(*row) && *row->ttft_s <= slo_scales[i] * *deadline_s ? 1 : 0;
    }
  }
  if (sums.ttft_ms.empty()) {
    throw InputError({run.run.path, 0, 0}, "",
                     "none of its counted requests completed: there is no TTFT to compare");
  }
  return sums;
}

/// The real runs of a cell, ready to be resampled.
struct Pool {
  std::vector<Sums> repeats;
  std::vector<PooledValue> ttft_ms;         ///< ascending
  std::vector<PooledValue> request_errors;  ///< ascending
  std::vector<std::pair<double, double>> pairs;
  bool has_deadlines = true;
};

void sort(std::vector<PooledValue>& values) {
  std::ranges::sort(values, [](const PooledValue& a, const PooledValue& b) {
    return std::pair(a.value, a.repeat) < std::pair(b.value, b.repeat);
  });
}

Pool pool_of(const MatchedCell& cell) {
  Pool pool;
  const RowsById& predicted = cell.rows.front();
  for (std::size_t i = 0; i < cell.repeats.size(); ++i) {
    const auto repeat = static_cast<std::uint32_t>(i);
    const RowsById& rows = cell.rows[i + 1];
    pool.repeats.push_back(sums_of(*cell.repeats[i], rows, predicted));
    pool.has_deadlines = pool.has_deadlines && pool.repeats.back().judged > 0;
    for (const double ttft : pool.repeats.back().ttft_ms) pool.ttft_ms.push_back({ttft, repeat});
    for (const auto& [id, row] : rows) {
      const RequestRow& twin = *predicted.at(id);
      if (!has_ttft(*row) || !has_ttft(twin)) continue;
      pool.request_errors.push_back({*twin.ttft_s / *row->ttft_s - 1, repeat});
      pool.pairs.emplace_back(*twin.ttft_s, *row->ttft_s);
    }
  }
  sort(pool.ttft_ms);
  sort(pool.request_errors);
  return pool;
}

double ratio(double part, std::int64_t whole) {
  return whole > 0 ? part / static_cast<double>(whole) : 0;
}

bool counts(std::span<const PooledValue> values, const Weights& weights) {
  return std::ranges::any_of(values,
                             [&](const PooledValue& value) { return weights[value.repeat] > 0; });
}

std::vector<double> evaluate(const Pool& pool, const Weights& weights) {
  Sums all;
  std::int64_t completed = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Sums& repeat = pool.repeats[i];
    const auto weight = static_cast<double>(weights[i]);
    completed += weights[i] * static_cast<std::int64_t>(repeat.ttft_ms.size());
    all.ttft_sum_ms += weight * repeat.ttft_sum_ms;
    all.judged += weights[i] * repeat.judged;
    for (std::size_t s = 0; s < stages; ++s) {
      all.stage_sum_ms[s] += weight * repeat.stage_sum_ms[s];
    }
    for (std::size_t s = 0; s < scales; ++s) all.met[s] += weights[i] * repeat.met[s];
  }
  std::vector<double> result(statistics);
  result[mean] = ratio(all.ttft_sum_ms, completed);
  result[p50] = pooled_quantile(pool.ttft_ms, weights, 0.5);
  result[p90] = pooled_quantile(pool.ttft_ms, weights, 0.9);
  result[p99] = pooled_quantile(pool.ttft_ms, weights, 0.99);
  if (counts(pool.request_errors, weights)) {
    result[request_median] = pooled_quantile(pool.request_errors, weights, 0.5);
  }
  for (std::size_t s = 0; s < scales; ++s) {
    result[first_attainment + s] = ratio(static_cast<double>(all.met[s]), all.judged);
  }
  for (std::size_t s = 0; s < stages; ++s) {
    result[first_stage + s] = ratio(all.stage_sum_ms[s], completed);
  }
  return result;
}

/// The same statistics of the simulated run, counted as often as there are repeats: interpolated
/// quantiles hang on how many values there are.
std::vector<double> evaluate_prediction(const MatchedCell& cell) {
  const Sums sums = sums_of(*cell.prediction, cell.rows.front(), cell.rows.front());
  Pool pool;
  for (std::uint32_t copy = 0; copy < cell.repeats.size(); ++copy) {
    pool.repeats.push_back(sums);
    for (const double ttft : sums.ttft_ms) pool.ttft_ms.push_back({ttft, copy});
  }
  sort(pool.ttft_ms);
  return evaluate(pool, Weights(cell.repeats.size(), 1));
}

/// One statistic of many evaluations.
std::vector<double> column(const std::vector<std::vector<double>>& rows, std::size_t statistic) {
  std::vector<double> values;
  values.reserve(rows.size());
  for (const auto& row : rows) values.push_back(row[statistic]);
  return values;
}

RequestErrors request_errors_of(const Pool& pool, const Weights& once,
                                const std::vector<double>& median_draws) {
  RequestErrors errors;
  errors.pairs = static_cast<std::int64_t>(pool.request_errors.size());
  errors.pearson_r = pearson(pool.pairs);
  if (errors.pairs == 0) return errors;
  errors.median = pooled_quantile(pool.request_errors, once, 0.5);
  errors.low_quartile = pooled_quantile(pool.request_errors, once, 0.25);
  errors.high_quartile = pooled_quantile(pool.request_errors, once, 0.75);
  if (once.size() > 1) errors.median_ci95 = middle_95(median_draws);
  return errors;
}

/// Resamples of two cells must be independent, and must not hang on the order of cells.
std::uint64_t stream_of(const MatchedCell& cell) {
  const std::string name = cell.scenario + '\0' + cell.engine;
  return XXH3_64bits(name.data(), name.size());
}

}  // namespace

Residual residual(double simulated, double real, const std::vector<double>& draws,
                  const std::vector<double>& singles, ErrorKind kind) {
  const auto error_to = [&](double value) {
    if (kind == ErrorKind::difference) return simulated - value;
    CALVO_EXPECT(value > 0);
    return simulated / value - 1;
  };
  Residual result;
  result.simulated = simulated;
  result.real = real;
  result.error = error_to(real);
  if (singles.size() < 2) return result;
  const auto [low, high] = std::ranges::minmax(singles);
  result.spread = kind == ErrorKind::difference ? high - low : (real > 0 ? (high - low) / real : 0);
  result.real_ci95 = middle_95(draws);
  std::vector<double> errors = draws;
  std::ranges::transform(errors, errors.begin(), error_to);
  result.error_ci95 = middle_95(std::move(errors));
  return result;
}

MeasuredCell measure_cell(const MatchedCell& cell) {
  CALVO_EXPECT(!cell.repeats.empty());
  const std::size_t repeats = cell.repeats.size();
  const std::vector<double> simulated = evaluate_prediction(cell);
  const Pool pool = pool_of(cell);
  const Weights once(repeats, 1);
  const std::vector<double> real = evaluate(pool, once);
  std::vector<std::vector<double>> singles;
  for (std::size_t i = 0; i < repeats; ++i) {
    Weights one(repeats, 0);
    one[i] = 1;
    singles.push_back(evaluate(pool, one));
  }
  const auto draws = resample_runs(repeats, stream_of(cell),
                                   [&](const Weights& weights) { return evaluate(pool, weights); });
  const auto of = [&](std::size_t statistic, ErrorKind kind) {
    return residual(simulated[statistic], real[statistic], column(draws, statistic),
                    column(singles, statistic), kind);
  };

  MeasuredCell measured;
  Measures& measures = measured.measures;
  measures.requests = static_cast<std::int64_t>(cell.rows.front().size());
  measures.pooled = static_cast<std::int64_t>(pool.ttft_ms.size());
  measures.ttft_mean_ms = of(mean, ErrorKind::relative);
  measures.ttft_p50_ms = of(p50, ErrorKind::relative);
  measures.ttft_p90_ms = of(p90, ErrorKind::relative);
  if (measures.pooled >= few_requests) measures.ttft_p99_ms = of(p99, ErrorKind::relative);
  if (pool.has_deadlines) {
    measures.attainment.emplace();
    for (std::size_t s = 0; s < scales; ++s) {
      (*measures.attainment)[s] = of(first_attainment + s, ErrorKind::difference);
    }
  }
  measures.per_request = request_errors_of(pool, once, column(draws, request_median));
  for (std::size_t s = 0; s < stages; ++s) {
    measures.stages_ms[s] = of(first_stage + s, ErrorKind::difference);
  }
  if (repeats > 1) {
    measured.draws.ttft_mean_ms = column(draws, mean);
    if (pool.has_deadlines) {
      measured.draws.attainment = column(draws, first_attainment + own_scale);
    }
  }
  return measured;
}

}  // namespace calvo::analysis
