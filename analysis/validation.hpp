// Predictions against measurements: how far is the simulator off, and may one believe its ranking?
// docs/validation.md has the method and every definition in words.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/validation_input.hpp"
#include "analysis/validation_match.hpp"
#include "analysis/validation_statistics.hpp"

namespace calvo::analysis {

/// A number that was predicted and measured.
struct Residual {
  double simulated = 0;  ///< the run counted as often as there are repeats
  double real = 0;       ///< of all repeats together
  double error = 0;      ///< simulated / real - 1 (TTFT), else simulated - real
  /// 95 % bootstrap intervals over whole repeats; none with a single one, as the spread.
  std::optional<Interval> real_ci95;
  std::optional<Interval> error_ci95;
  /// Largest - smallest of the single repeats (TTFT: over `real`): an error below it says nothing.
  std::optional<double> spread;
};

/// Factors on the deadlines at which attainment is compared; the second is the scenario's own.
inline constexpr std::array<double, 3> slo_scales = {0.5, 1, 2};
inline constexpr std::size_t own_scale = 1;

/// Signed errors simulated / real - 1 of the TTFT of one request in one repeat, all together.
struct RequestErrors {
  std::int64_t pairs = 0;
  double median = 0;
  std::optional<Interval> median_ci95;
  double low_quartile = 0;
  double high_quartile = 0;
  std::optional<double> pearson_r;  ///< of simulated and real TTFT
};

/// A cell's numbers. Counted requests only: those that the simulated run measures and every repeat
/// has; latencies of those that completed.
struct Measures {
  std::int64_t requests = 0;  ///< counted
  std::int64_t pooled = 0;    ///< TTFTs of all repeats together
  Residual ttft_mean_ms;
  Residual ttft_p50_ms;
  Residual ttft_p90_ms;
  std::optional<Residual> ttft_p99_ms;  ///< none for fewer than 1,000 pooled
  /// Shares that met their deadline x slo_scales; none if no counted request has a deadline.
  std::optional<std::array<Residual, slo_scales.size()>> attainment;
  RequestErrors per_request;
  std::array<Residual, stage_columns.size()> stages_ms;  ///< means, as stage_columns
};

struct ValidatedCell {
  std::string scenario;
  std::string engine;
  bool held_out = false;
  std::string prediction;            ///< directories
  std::vector<std::string> repeats;  ///< valid ones
  std::vector<DiscardedRun> discarded;
  std::optional<Measures> measures;  ///< none if no valid repeat is left
};

/// What changing from the baseline engine to another one brings.
struct Gain {
  std::string engine;
  Residual ttft;                       ///< 1 - mean TTFT / mean TTFT of the baseline
  std::optional<Residual> attainment;  ///< share more that met its deadline
};

struct ValidatedScenario {
  std::string scenario;
  bool held_out = false;
  RankAgreement by_ttft;                       ///< mean
  std::optional<RankAgreement> by_attainment;  ///< at the scenario's own deadlines
  std::string baseline;                        ///< empty if it was not measured: no gains then
  std::vector<Gain> gains;
};

/// |error| over cells.
struct ErrorTotal {
  std::int64_t cells = 0;
  double median = 0;
  double worst = 0;
  std::string worst_cell;  ///< "scenario / engine"
};
/// None where no cell has the number.
struct Totals {
  std::int64_t cells = 0;  ///< that were measured
  std::optional<ErrorTotal> ttft_mean, ttft_p50, ttft_p90, ttft_p99;
  std::array<std::optional<ErrorTotal>, slo_scales.size()> attainment;
  std::int64_t significant_pairs = 0;  ///< by TTFT and by attainment together, as the next
  std::int64_t flipped_pairs = 0;
};

struct Validation {
  std::vector<ValidatedCell> cells;
  std::vector<ValidatedScenario> scenarios;
  Totals held_out;
  Totals tuned;  ///< all other scenarios
  std::int64_t discarded = 0;
  std::vector<std::string> warnings;
};

struct ValidationOptions {
  std::vector<std::string> held_out;  ///< names of scenarios that nothing was tuned on
  std::string baseline;               ///< engine that gains are over; empty: each scenario's first
};

/// Requires at least one simulated and one real run per scenario and engine. Deterministic, and
/// but for the choice of the baseline independent of the order of `runs`. Throws InputError for
/// what match_runs refuses, a run without a completed request, and names in `options` that no run
/// has.
Validation validate(std::span<const ValidationRun> runs, const ValidationOptions& options);

}  // namespace calvo::analysis
