#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/validation_report.hpp"
#include "analysis/warnings.hpp"

namespace calvo::analysis {
namespace {

using Row = std::vector<std::string>;

constexpr double percent = 100;

std::string interval_text(const Interval& interval, double scale, int decimals) {
  return fmt::format("[{:+.{}f}, {:+.{}f}]", scale * interval.low, decimals, scale * interval.high,
                     decimals);
}

/// "+3.1 [+1.0, +5.2] (1.4)": error, interval, spread.
std::string error_text(const Residual& residual, double scale, int decimals = 1) {
  std::string text = fmt::format("{:+.{}f}", scale * residual.error, decimals);
  if (residual.error_ci95) text += " " + interval_text(*residual.error_ci95, scale, decimals);
  if (residual.spread) text += fmt::format(" ({:.{}f})", scale * *residual.spread, decimals);
  return text;
}

/// The first two cells of a row: hold-out scenarios have a star.
Row names_of(const ValidatedCell& cell) {
  return {cell.scenario + (cell.held_out ? " *" : ""), cell.engine};
}

void append(Row& row, Row more) {
  for (std::string& text : more) row.push_back(std::move(text));
}

std::string ms(double value) {
  return fmt::format("{:.{}f}", value, value < 10 ? 3 : 1);
}

ReportTable ttft_table(const Validation& validation) {
  ReportTable table{"TTFT: error in % [95 % interval] (spread of single repeats)",
                    {{"scenario", "engine", "runs", "real mean ms", "mean", "P50", "P90", "P99"}},
                    {}};
  for (const ValidatedCell& cell : validation.cells) {
    if (!cell.measures) continue;
    const Measures& measures = *cell.measures;
    Row row = names_of(cell);
    append(row,
           {std::to_string(cell.repeats.size()), ms(measures.ttft_mean_ms.real),
            error_text(measures.ttft_mean_ms, percent), error_text(measures.ttft_p50_ms, percent),
            error_text(measures.ttft_p90_ms, percent),
            measures.ttft_p99_ms ? error_text(*measures.ttft_p99_ms, percent)
                                 : fmt::format("n = {}", measures.pooled)});
    table.rows.push_back(std::move(row));
  }
  table.notes = {
      "error = simulated / real - 1; of all repeats together; the interval resamples repeats",
      fmt::format("n = ...: no P99 of fewer than {} requests of all repeats together",
                  few_requests)};
  return table;
}

ReportTable attainment_table(const Validation& validation) {
  ReportTable table{
      "Attainment: real %, error in points [95 % interval] (spread)", {{"scenario", "engine"}}, {}};
  for (const double scale : slo_scales) {
    table.rows.front().push_back(fmt::format("deadlines x {}", scale));
  }
  std::vector<std::string> without;
  for (const ValidatedCell& cell : validation.cells) {
    if (!cell.measures) continue;
    if (!cell.measures->attainment) {
      without.push_back(cell.scenario + " / " + cell.engine);
      continue;
    }
    Row row = names_of(cell);
    for (const Residual& residual : *cell.measures->attainment) {
      row.push_back(
          fmt::format("{:.1f}: {}", percent * residual.real, error_text(residual, percent)));
    }
    table.rows.push_back(std::move(row));
  }
  table.notes = {
      "share of counted requests with TTFT <= deadline; the deadlines are the simulated "
      "run's"};
  if (!without.empty()) {
    table.notes.push_back(fmt::format("no request has a deadline: {}", fmt::join(without, ", ")));
  }
  return table;
}

ReportTable request_table(const Validation& validation) {
  ReportTable table{"TTFT of single requests: error in %",
                    {{"scenario", "engine", "pairs", "median [95 %]", "middle half", "Pearson r"}},
                    {"one pair for each request in each repeat"}};
  for (const ValidatedCell& cell : validation.cells) {
    if (!cell.measures) continue;
    const RequestErrors& errors = cell.measures->per_request;
    Row row = names_of(cell);
    std::string median = fmt::format("{:+.1f}", percent * errors.median);
    if (errors.median_ci95) median += " " + interval_text(*errors.median_ci95, percent, 1);
    append(row, {std::to_string(errors.pairs), median,
                 fmt::format("{:+.1f} to {:+.1f}", percent * errors.low_quartile,
                             percent * errors.high_quartile),
                 errors.pearson_r ? fmt::format("{:.3f}", *errors.pearson_r) : "-"});
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable brief_stages(const Validation& validation) {
  ReportTable table{"Mean time of each stage: simulated / real ms (difference)",
                    {{"scenario", "engine"}},
                    {"the stages sum to the mean TTFT"}};
  for (const char* stage : stage_columns) table.rows.front().emplace_back(stage);
  for (const ValidatedCell& cell : validation.cells) {
    if (!cell.measures) continue;
    Row row = names_of(cell);
    for (const Residual& stage : cell.measures->stages_ms) {
      row.push_back(
          fmt::format("{} / {} ({:+.3f})", ms(stage.simulated), ms(stage.real), stage.error));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable full_stages(const Validation& validation) {
  ReportTable table{"Mean time of each stage, ms: difference [95 % interval] (spread)",
                    {{"scenario", "engine", "stage", "simulated", "real", "difference"}},
                    {"the stages sum to the mean TTFT"}};
  for (const ValidatedCell& cell : validation.cells) {
    if (!cell.measures) continue;
    for (std::size_t i = 0; i < stage_columns.size(); ++i) {
      const Residual& stage = cell.measures->stages_ms[i];
      Row row = names_of(cell);
      append(row, {stage_columns[i], ms(stage.simulated), ms(stage.real), error_text(stage, 1, 3)});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string agreement_text(const RankAgreement& agreement) {
  std::string text = agreement.tau_b ? fmt::format("tau {:+.2f}, ", *agreement.tau_b) : "";
  text += fmt::format("{} of {} pairs differ", agreement.significant, agreement.pairs);
  if (agreement.tied > 0) text += fmt::format(", {} tied", agreement.tied);
  std::vector<std::string> flipped;
  for (const auto& [a, b] : agreement.flipped) flipped.push_back(fmt::format("{} <> {}", a, b));
  if (!flipped.empty()) text += fmt::format(", FLIPPED: {}", fmt::join(flipped, "; "));
  return text;
}

ReportTable rank_table(const Validation& validation) {
  ReportTable table{"Order of the engines: Kendall's tau-b of simulated and real",
                    {{"scenario", "by mean TTFT", "by attainment"}},
                    {"only pairs count whose real 95 % intervals do not overlap"}};
  for (const ValidatedScenario& scenario : validation.scenarios) {
    table.rows.push_back(
        {scenario.scenario + (scenario.held_out ? " *" : ""), agreement_text(scenario.by_ttft),
         scenario.by_attainment ? agreement_text(*scenario.by_attainment) : "nothing to judge"});
  }
  return table;
}

std::string gain_text(const Residual& gain) {
  return fmt::format("{:+.1f} / {:+.1f}: {}", percent * gain.simulated, percent * gain.real,
                     error_text(gain, percent));
}

ReportTable gain_table(const Validation& validation) {
  ReportTable table{
      "Gain over the baseline: simulated / real, error in points [95 % interval]",
      {{"scenario", "baseline", "engine", "mean TTFT saved %", "attainment won, points"}},
      {}};
  for (const ValidatedScenario& scenario : validation.scenarios) {
    for (const Gain& gain : scenario.gains) {
      table.rows.push_back({scenario.scenario + (scenario.held_out ? " *" : ""), scenario.baseline,
                            gain.engine, gain_text(gain.ttft),
                            gain.attainment ? gain_text(*gain.attainment) : "-"});
    }
  }
  return table;
}

std::string total_text(const std::optional<ErrorTotal>& total) {
  if (!total) return "-";
  return fmt::format("{:.1f} / {:.1f}", percent * total->median, percent * total->worst);
}

ReportTable totals_table(const Validation& validation) {
  ReportTable table{"|error| over cells: median / worst (TTFT in %, attainment in points)",
                    {{"scenarios", "cells", "mean", "P50", "P90", "P99"}},
                    {}};
  for (const double scale : slo_scales) {
    table.rows.front().push_back(fmt::format("attainment x {}", scale));
  }
  table.rows.front().emplace_back("pairs flipped");
  for (const auto& [name, totals] :
       {std::pair<const char*, const Totals*>{"held out *", &validation.held_out},
        {"others", &validation.tuned}}) {
    if (totals->cells == 0) continue;
    Row row = {name,
               std::to_string(totals->cells),
               total_text(totals->ttft_mean),
               total_text(totals->ttft_p50),
               total_text(totals->ttft_p90),
               total_text(totals->ttft_p99)};
    for (const auto& total : totals->attainment) row.push_back(total_text(total));
    row.push_back(fmt::format("{} of {}", totals->flipped_pairs, totals->significant_pairs));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

std::vector<ReportTable> tables_of(const Validation& validation, Detail detail) {
  std::vector<ReportTable> all = {
      ttft_table(validation),
      attainment_table(validation),
      request_table(validation),
      detail == Detail::full ? full_stages(validation) : brief_stages(validation),
      rank_table(validation),
      gain_table(validation),
      totals_table(validation)};
  std::erase_if(all, [](const ReportTable& table) {
    return table.rows.size() == 1 && table.notes.empty();  // nothing below the heading
  });
  return all;
}

}  // namespace calvo::analysis
