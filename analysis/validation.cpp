#include "analysis/validation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/validation_cell.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"

namespace calvo::analysis {
namespace {

/// A cell and what its measuring left for the comparison of engines.
struct Entry {
  ValidatedCell cell;
  CellDraws draws;
};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

void refuse_unknown(const std::vector<std::string>& wanted, const std::vector<std::string>& known,
                    const char* flag, const char* kind) {
  for (const std::string& name : wanted) {
    if (!contains(known, name)) {
      throw InputError(
          {"calvo validate", 0, 0}, flag,
          std::string("no run is of ") + kind + " \"" + name + "\"" + suggestion(name, known));
    }
  }
}

Entry entry_of(const MatchedCell& matched, const ValidationOptions& options) {
  Entry entry;
  ValidatedCell& cell = entry.cell;
  cell.scenario = matched.scenario;
  cell.engine = matched.engine;
  cell.held_out = contains(options.held_out, matched.scenario);
  cell.prediction = matched.prediction->run.path;
  for (const ValidationRun* run : matched.repeats) cell.repeats.push_back(run->run.path);
  cell.discarded = matched.discarded;
  if (matched.repeats.empty()) return entry;
  MeasuredCell measured = measure_cell(matched);
  cell.measures = measured.measures;
  entry.draws = std::move(measured.draws);
  return entry;
}

Ranked ranked(const Entry& entry, const Residual& residual) {
  return {entry.cell.engine, residual.simulated, residual.real, residual.real_ci95};
}

/// The differences between draws of two cells, which are independent; empty if one has none.
template <class Gain>
std::vector<double> combined(const std::vector<double>& base, const std::vector<double>& other,
                             Gain gain) {
  std::vector<double> draws;
  for (std::size_t i = 0; i < std::min(base.size(), other.size()); ++i) {
    draws.push_back(gain(base[i], other[i]));
  }
  return draws;
}

Residual gain_of(const Residual& base, const Residual& other, const std::vector<double>& base_draws,
                 const std::vector<double>& other_draws, double (*gain)(double, double)) {
  Residual result;
  result.simulated = gain(base.simulated, other.simulated);
  result.real = gain(base.real, other.real);
  result.error = result.simulated - result.real;
  const std::vector<double> draws = combined(base_draws, other_draws, gain);
  if (draws.empty()) return result;
  result.real_ci95 = middle_95(draws);
  result.error_ci95 = {result.simulated - result.real_ci95->high,
                       result.simulated - result.real_ci95->low};
  return result;
}

double share_saved(double base, double other) {
  return base > 0 ? 1 - other / base : 0;
}

double share_won(double base, double other) {
  return other - base;
}

Gain gain_over(const Entry& base, const Entry& other) {
  const Measures& from = *base.cell.measures;
  const Measures& to = *other.cell.measures;
  Gain gain;
  gain.engine = other.cell.engine;
  gain.ttft = gain_of(from.ttft_mean_ms, to.ttft_mean_ms, base.draws.ttft_mean_ms,
                      other.draws.ttft_mean_ms, share_saved);
  if (from.attainment && to.attainment) {
    gain.attainment = gain_of((*from.attainment)[own_scale], (*to.attainment)[own_scale],
                              base.draws.attainment, other.draws.attainment, share_won);
  }
  return gain;
}

/// Requires: `entries` are the cells of one scenario, and there is one.
ValidatedScenario scenario_of(const std::vector<const Entry*>& entries,
                              const ValidationOptions& options) {
  ValidatedScenario scenario;
  scenario.scenario = entries.front()->cell.scenario;
  scenario.held_out = entries.front()->cell.held_out;
  std::vector<Ranked> ttft;
  std::vector<Ranked> attainment;
  const Entry* baseline = nullptr;
  const std::string& wanted =
      options.baseline.empty() ? entries.front()->cell.engine : options.baseline;
  for (const Entry* entry : entries) {
    if (!entry->cell.measures) continue;
    if (entry->cell.engine == wanted) baseline = entry;
    ttft.push_back(ranked(*entry, entry->cell.measures->ttft_mean_ms));
    if (entry->cell.measures->attainment) {
      attainment.push_back(ranked(*entry, (*entry->cell.measures->attainment)[own_scale]));
    }
  }
  scenario.by_ttft = rank_agreement(ttft);
  if (!attainment.empty()) scenario.by_attainment = rank_agreement(attainment);
  if (baseline == nullptr) return scenario;
  scenario.baseline = baseline->cell.engine;
  for (const Entry* entry : entries) {
    if (entry == baseline || !entry->cell.measures) continue;
    scenario.gains.push_back(gain_over(*baseline, *entry));
  }
  return scenario;
}

/// |error| of many cells, under the names of the cells.
class ErrorList {
public:
  void add(const ValidatedCell& cell, const Residual& residual) {
    errors_.emplace_back(std::abs(residual.error), cell.scenario + " / " + cell.engine);
  }
  std::optional<ErrorTotal> total() const {
    if (errors_.empty()) return std::nullopt;
    std::vector<double> sorted;
    for (const auto& [error, cell] : errors_) sorted.push_back(error);
    std::ranges::sort(sorted);
    const auto worst = std::ranges::max_element(errors_, {}, [](const auto& e) { return e.first; });
    return ErrorTotal{static_cast<std::int64_t>(errors_.size()), quantile(sorted, 0.5),
                      worst->first, worst->second};
  }

private:
  std::vector<std::pair<double, std::string>> errors_;
};

Totals totals_of(const Validation& validation, bool held_out) {
  Totals totals;
  ErrorList mean, p50, p90, p99;
  std::array<ErrorList, slo_scales.size()> attainment;
  for (const ValidatedCell& cell : validation.cells) {
    if (cell.held_out != held_out || !cell.measures) continue;
    const Measures& measures = *cell.measures;
    totals.cells += 1;
    mean.add(cell, measures.ttft_mean_ms);
    p50.add(cell, measures.ttft_p50_ms);
    p90.add(cell, measures.ttft_p90_ms);
    if (measures.ttft_p99_ms) p99.add(cell, *measures.ttft_p99_ms);
    for (std::size_t i = 0; measures.attainment && i < slo_scales.size(); ++i) {
      attainment[i].add(cell, (*measures.attainment)[i]);
    }
  }
  totals.ttft_mean = mean.total();
  totals.ttft_p50 = p50.total();
  totals.ttft_p90 = p90.total();
  totals.ttft_p99 = p99.total();
  for (std::size_t i = 0; i < slo_scales.size(); ++i) totals.attainment[i] = attainment[i].total();
  for (const ValidatedScenario& scenario : validation.scenarios) {
    if (scenario.held_out != held_out) continue;
    const auto add = [&](const RankAgreement& agreement) {
      totals.significant_pairs += agreement.significant;
      totals.flipped_pairs += static_cast<std::int64_t>(agreement.flipped.size());
    };
    add(scenario.by_ttft);
    if (scenario.by_attainment) add(*scenario.by_attainment);
  }
  return totals;
}

}  // namespace

Validation validate(std::span<const ValidationRun> runs, const ValidationOptions& options) {
  Validation validation;
  Matched matched = match_runs(runs);
  validation.warnings = std::move(matched.warnings);
  std::vector<std::string> scenarios;
  std::vector<std::string> engines;
  for (const MatchedCell& cell : matched.cells) {
    if (!contains(scenarios, cell.scenario)) scenarios.push_back(cell.scenario);
    if (!contains(engines, cell.engine)) engines.push_back(cell.engine);
  }
  refuse_unknown(options.held_out, scenarios, "--holdout", "scenario");
  if (!options.baseline.empty()) {
    refuse_unknown({options.baseline}, engines, "--baseline", "engine");
  }

  std::vector<Entry> entries;
  for (const MatchedCell& cell : matched.cells) entries.push_back(entry_of(cell, options));
  for (const std::string& scenario : scenarios) {
    std::vector<const Entry*> of_scenario;
    for (const Entry& entry : entries) {
      if (entry.cell.scenario == scenario) of_scenario.push_back(&entry);
    }
    validation.scenarios.push_back(scenario_of(of_scenario, options));
  }
  for (Entry& entry : entries) {
    validation.discarded += static_cast<std::int64_t>(entry.cell.discarded.size());
    validation.cells.push_back(std::move(entry.cell));
  }
  validation.held_out = totals_of(validation, true);
  validation.tuned = totals_of(validation, false);
  return validation;
}

}  // namespace calvo::analysis
