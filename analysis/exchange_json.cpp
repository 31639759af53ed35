#include "analysis/exchange_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/statistics.hpp"

namespace calvo::analysis {
namespace {

using Json = nlohmann::ordered_json;

std::vector<const RequestRow*> measured_rows(const RunDirectory& run) {
  const double warm_up = to_seconds(run.summary.labels.warm_up).count();
  std::vector<const RequestRow*> rows;
  for (const RequestRow& row : run.requests) {
    if (row.arrival_s >= warm_up) rows.push_back(&row);
  }
  return rows;
}

bool is_complete(const RequestRow& row) {
  return row.outcome == Outcome::completed && row.ttft_s && row.e2e_s;
}

/// Values over the requests that completed.
struct Samples {
  std::vector<double> ttft_ms, itl_ms, e2e_ms, tokens_per_s, input, output;
};

Samples samples_of(const std::vector<const RequestRow*>& rows) {
  Samples samples;
  for (const RequestRow* row : rows) {
    if (!is_complete(*row)) continue;
    samples.ttft_ms.push_back(1e3 * *row->ttft_s);
    samples.e2e_ms.push_back(1e3 * *row->e2e_s);
    samples.input.push_back(static_cast<double>(row->input_tokens));
    samples.output.push_back(static_cast<double>(row->output_tokens));
    if (row->output_tokens < 2) continue;
    const double gap_ms = (samples.e2e_ms.back() - samples.ttft_ms.back()) /
                          static_cast<double>(row->output_tokens - 1);
    samples.itl_ms.push_back(gap_ms);
    if (gap_ms > 0) samples.tokens_per_s.push_back(1e3 / gap_ms);
  }
  return samples;
}

/// Of all values there are, as numpy's std.
struct Moments {
  double sum = 0;
  double mean = 0;
  double deviation = 0;
};

Moments moments_of(const std::vector<double>& values) {
  Moments moments;
  if (values.empty()) return moments;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) moments.sum += value;
  moments.mean = moments.sum / count;
  double squares = 0;
  for (const double value : values) squares += (value - moments.mean) * (value - moments.mean);
  moments.deviation = std::sqrt(squares / count);
  return moments;
}

void add_vllm_latency(Json& json, const std::string& name, std::vector<double> values) {
  std::ranges::sort(values);
  const Moments moments = moments_of(values);
  const auto at = [&](double q) { return values.empty() ? 0.0 : quantile(values, q); };
  json["mean_" + name + "_ms"] = moments.mean;
  json["median_" + name + "_ms"] = at(0.5);
  json["std_" + name + "_ms"] = moments.deviation;
  json["p90_" + name + "_ms"] = at(0.9);
  json["p95_" + name + "_ms"] = at(0.95);
  json["p99_" + name + "_ms"] = at(0.99);
}

/// Largest number of completed requests that were there at once, each in [arrival, end).
std::int64_t most_at_once(const std::vector<const RequestRow*>& rows) {
  std::vector<std::pair<double, int>> changes;  // ends come before arrivals of the same date
  for (const RequestRow* row : rows) {
    if (!is_complete(*row)) continue;
    changes.emplace_back(row->arrival_s, 1);
    changes.emplace_back(row->arrival_s + *row->e2e_s, -1);
  }
  std::ranges::sort(changes);
  std::int64_t now = 0, most = 0;
  for (const auto& [date, change] : changes) most = std::max(most, now += change);
  return most;
}

/// Arrivals per second, or "inf" if all came at once.
Json offered_rate(const std::vector<const RequestRow*>& rows) {
  if (rows.empty()) return "inf";
  const auto [first, last] = std::ranges::minmax_element(rows, {}, &RequestRow::arrival_s);
  const double span = (*last)->arrival_s - (*first)->arrival_s;
  return span > 0 ? Json(static_cast<double>(rows.size() - 1) / span) : Json("inf");
}

/// "20261121-072000" of "2026-11-21T07:20:00Z".
std::string vllm_date(std::string date) {
  std::erase_if(date, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
  std::ranges::replace(date, 'T', '-');
  return date;
}

Json single(const char* unit, double value) {
  return {{"unit", unit}, {"avg", value}};
}

/// A record metric of AIPerf; null if there is no value.
Json spread(const char* unit, std::vector<double> values) {
  if (values.empty()) return nullptr;
  std::ranges::sort(values);
  const Moments moments = moments_of(values);
  Json json = single(unit, moments.mean);
  constexpr std::array<std::pair<const char*, double>, 9> percentiles = {{{"p1", 0.01},
                                                                          {"p5", 0.05},
                                                                          {"p10", 0.1},
                                                                          {"p25", 0.25},
                                                                          {"p50", 0.5},
                                                                          {"p75", 0.75},
                                                                          {"p90", 0.9},
                                                                          {"p95", 0.95},
                                                                          {"p99", 0.99}}};
  for (const auto& [name, q] : percentiles) json[name] = quantile(values, q);
  json["min"] = values.front();
  json["max"] = values.back();
  json["std"] = moments.deviation;
  json["count"] = values.size();
  json["sum"] = moments.sum;
  return json;
}

}  // namespace

Json to_vllm_json(const RunDirectory& run, const RunOrigin& origin) {
  const Summary& summary = run.summary;
  const std::vector<const RequestRow*> rows = measured_rows(run);
  const Samples samples = samples_of(rows);
  Json json;
  json["date"] = vllm_date(origin.date);
  json["backend"] = "calvo";
  json["label"] = summary.labels.engine;
  json["model_id"] = origin.model;
  json["tokenizer_id"] = origin.model;
  json["num_prompts"] = summary.measured;
  json["request_rate"] = offered_rate(rows);
  json["duration"] = summary.duration_s;
  json["completed"] = summary.completed;
  json["failed"] = summary.measured - summary.completed;
  json["total_input_tokens"] = summary.input_tokens;
  json["total_output_tokens"] = summary.output_tokens;
  json["request_throughput"] = summary.request_throughput;
  json["request_goodput"] = summary.slo_attainment ? Json(summary.request_goodput) : Json(nullptr);
  json["output_throughput"] = summary.output_throughput;
  json["total_token_throughput"] = summary.total_token_throughput;
  for (const char* name :
       {"input_lens", "output_lens", "ttfts", "latencies", "start_times", "errors"}) {
    json[name] = Json::array();
  }
  for (const RequestRow* row : rows) {
    const bool complete = is_complete(*row);
    json["input_lens"].push_back(row->input_tokens);
    json["output_lens"].push_back(complete ? row->output_tokens : 0);
    json["ttfts"].push_back(complete ? *row->ttft_s : 0.0);
    json["latencies"].push_back(complete ? *row->e2e_s : 0.0);
    json["start_times"].push_back(row->arrival_s);
    json["errors"].push_back(complete ? std::string_view() : name_of(row->outcome));
  }
  json["max_concurrent_requests"] = most_at_once(rows);
  add_vllm_latency(json, "ttft", samples.ttft_ms);
  add_vllm_latency(json, "tpot", samples.itl_ms);
  add_vllm_latency(json, "e2el", samples.e2e_ms);
  return json;
}

Json to_aiperf_json(const RunDirectory& run, const RunOrigin& origin) {
  const Summary& summary = run.summary;
  const Samples samples = samples_of(measured_rows(run));
  const auto count = [](std::int64_t value) {
    return single("requests", static_cast<double>(value));
  };
  const auto tokens = [](std::int64_t value) {
    return single("tokens", static_cast<double>(value));
  };
  Json json;
  json["schema_version"] = "1.3";
  json["request_throughput"] = single("requests/sec", summary.request_throughput);
  json["request_latency"] = spread("ms", samples.e2e_ms);
  json["request_count"] = count(summary.completed);
  json["time_to_first_token"] = spread("ms", samples.ttft_ms);
  json["inter_token_latency"] = spread("ms", samples.itl_ms);
  json["output_token_throughput"] = single("tokens/sec", summary.output_throughput);
  json["total_token_throughput"] = single("tokens/sec", summary.total_token_throughput);
  json["output_token_throughput_per_user"] = spread("tokens/sec/user", samples.tokens_per_s);
  json["output_sequence_length"] = spread("tokens", samples.output);
  json["input_sequence_length"] = spread("tokens", samples.input);
  if (summary.slo_attainment) {
    json["goodput"] = single("requests/sec", summary.request_goodput);
    json["good_request_count"] = count(summary.slo_met);
  }
  json["benchmark_duration"] = single("sec", summary.duration_s);
  json["total_isl"] = tokens(summary.input_tokens);
  json["total_osl"] = tokens(summary.output_tokens);
  const std::int64_t failed = summary.measured - summary.completed;
  if (failed > 0) json["error_request_count"] = count(failed);
  json["run_info"] = {{"random_seed", summary.labels.seed},
                      {"run_label", summary.labels.scenario + ", " + summary.labels.engine},
                      {"cli_command", origin.command}};
  json["was_cancelled"] = !summary.complete;
  json["error_summary"] = Json::array();
  for (const auto& [kind, number] : {std::pair(Outcome::rejected, summary.rejected),
                                     std::pair(Outcome::cancelled, summary.cancelled),
                                     std::pair(Outcome::unfinished, summary.unfinished)}) {
    if (number == 0) continue;
    json["error_summary"].push_back(
        {{"error_details", {{"type", name_of(kind)}}}, {"count", number}});
  }
  for (auto entry = json.begin(); entry != json.end();) {
    entry = entry->is_null() ? json.erase(entry) : std::next(entry);
  }
  return json;
}

}  // namespace calvo::analysis
