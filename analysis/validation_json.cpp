#include <string>

#include <fmt/format.h>

#include "analysis/validation_report.hpp"

namespace calvo::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const Residual& residual) {
  return {{"simulated", residual.simulated},
          {"real", residual.real},
          {"real_ci95", json_of(residual.real_ci95)},
          {"error", residual.error},
          {"error_ci95", json_of(residual.error_ci95)},
          {"spread", json_of(residual.spread)}};
}

std::string scale_name(double scale) {
  return fmt::format("{}", scale);
}

Json json_of(const Measures& measures) {
  Json json;
  json["requests"] = measures.requests;
  json["pooled_ttfts"] = measures.pooled;
  json["ttft_ms"] = {
      {"mean", json_of(measures.ttft_mean_ms)},
      {"p50", json_of(measures.ttft_p50_ms)},
      {"p90", json_of(measures.ttft_p90_ms)},
      {"p99", measures.ttft_p99_ms ? json_of(*measures.ttft_p99_ms) : Json(nullptr)}};
  json["attainment"] = nullptr;
  for (std::size_t i = 0; measures.attainment && i < slo_scales.size(); ++i) {
    json["attainment"][scale_name(slo_scales[i])] = json_of((*measures.attainment)[i]);
  }
  const RequestErrors& errors = measures.per_request;
  json["per_request"] = {{"pairs", errors.pairs},
                         {"median", errors.median},
                         {"median_ci95", json_of(errors.median_ci95)},
                         {"quartiles", {errors.low_quartile, errors.high_quartile}},
                         {"pearson_r", json_of(errors.pearson_r)}};
  for (std::size_t i = 0; i < stage_columns.size(); ++i) {
    json["stages_ms"][stage_columns[i]] = json_of(measures.stages_ms[i]);
  }
  return json;
}

Json json_of(const ValidatedCell& cell) {
  Json json;
  json["scenario"] = cell.scenario;
  json["engine"] = cell.engine;
  json["held_out"] = cell.held_out;
  json["prediction"] = cell.prediction;
  json["repeats"] = cell.repeats;
  json["discarded"] = Json::array();
  for (const DiscardedRun& run : cell.discarded) {
    json["discarded"].push_back({{"directory", run.directory}, {"reason", run.reason}});
  }
  json["measures"] = cell.measures ? json_of(*cell.measures) : Json(nullptr);
  return json;
}

Json json_of(const RankAgreement& agreement) {
  Json flipped = Json::array();
  for (const auto& [a, b] : agreement.flipped) flipped.push_back(Json::array({a, b}));
  return {{"pairs", agreement.pairs},
          {"significant", agreement.significant},
          {"agreeing", agreement.agreeing},
          {"tied", agreement.tied},
          {"flipped", flipped},
          {"kendall_tau_b", json_of(agreement.tau_b)}};
}

Json json_of(const ValidatedScenario& scenario) {
  Json json;
  json["scenario"] = scenario.scenario;
  json["held_out"] = scenario.held_out;
  json["rank_by_ttft"] = json_of(scenario.by_ttft);
  json["rank_by_attainment"] =
      scenario.by_attainment ? json_of(*scenario.by_attainment) : Json(nullptr);
  json["baseline"] = scenario.baseline;
  json["gains"] = Json::array();
  for (const Gain& gain : scenario.gains) {
    json["gains"].push_back(
        {{"engine", gain.engine},
         {"ttft_saved", json_of(gain.ttft)},
         {"attainment_won", gain.attainment ? json_of(*gain.attainment) : Json(nullptr)}});
  }
  return json;
}

Json json_of(const std::optional<ErrorTotal>& total) {
  if (!total) return nullptr;
  return {{"cells", total->cells},
          {"median", total->median},
          {"worst", total->worst},
          {"worst_cell", total->worst_cell}};
}

Json json_of(const Totals& totals) {
  Json json;
  json["cells"] = totals.cells;
  json["ttft_mean"] = json_of(totals.ttft_mean);
  json["ttft_p50"] = json_of(totals.ttft_p50);
  json["ttft_p90"] = json_of(totals.ttft_p90);
  json["ttft_p99"] = json_of(totals.ttft_p99);
  for (std::size_t i = 0; i < slo_scales.size(); ++i) {
    json["attainment"][scale_name(slo_scales[i])] = json_of(totals.attainment[i]);
  }
  json["significant_pairs"] = totals.significant_pairs;
  json["flipped_pairs"] = totals.flipped_pairs;
  return json;
}

Json json_of(const Verdict& verdict) {
  Json json;
  json["passed"] = verdict.passed;
  json["judged_over"] = verdict.on_held_out ? "held_out" : "all";
  json["checks"] = Json::array();
  for (const Check& check : verdict.checks) {
    json["checks"].push_back({{"key", check.key},
                              {"limit", check.limit},
                              {"value", json_of(check.value)},
                              {"worst_cell", check.worst_cell},
                              {"passed", check.passed}});
  }
  json["unmeasured"] = verdict.unmeasured;
  return json;
}

}  // namespace

Json to_json(const Validation& validation, const Verdict& verdict) {
  Json json;
  json["verdict"] = json_of(verdict);
  json["cells"] = Json::array();
  for (const ValidatedCell& cell : validation.cells) json["cells"].push_back(json_of(cell));
  json["scenarios"] = Json::array();
  for (const ValidatedScenario& scenario : validation.scenarios) {
    json["scenarios"].push_back(json_of(scenario));
  }
  json["held_out"] = json_of(validation.held_out);
  json["others"] = json_of(validation.tuned);
  json["discarded"] = validation.discarded;
  json["warnings"] = validation.warnings;
  return json;
}

}  // namespace calvo::analysis
