#include "report/run_group.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "analysis/mean_interval.hpp"
#include "analysis/statistics.hpp"
#include "analysis/sweep_table.hpp"

namespace calvo::report {
namespace {

using Json = nlohmann::ordered_json;
using analysis::RequestRow;

bool is_workload(const std::string& key) {
  return key.starts_with("workload.") || key.starts_with("slo.") || key == "block_tokens";
}

bool is_engine(const std::string& key) {
  return key.starts_with("engine.") || key == "engine";
}

bool is_label(const std::string& key) {
  return key == "seed" || key == "name" || key == "description";
}

std::set<std::string> differing_keys(std::span<const RunSource> runs) {
  std::map<std::string, std::pair<std::string, std::size_t>> seen;  // first value, how often
  std::set<std::string> keys;
  std::size_t with_scenario = 0;
  for (const RunSource& run : runs) {
    if (run.settings.empty()) continue;
    ++with_scenario;
    for (const auto& [key, value] : run.settings) {
      auto& [first, count] = seen.try_emplace(key, value, 0).first->second;
      ++count;
      if (first != value) keys.insert(key);
    }
  }
  for (const auto& [key, entry] : seen) {
    if (entry.second != with_scenario) keys.insert(key);
  }
  keys.erase("seed");
  return keys;
}

/// "nic.bandwidth 50 GB/s, live_sessions 64": the last words of a key are enough beside its value.
std::string in_words(const RunSource& run, const std::vector<std::string>& keys) {
  std::string text;
  constexpr std::size_t most = 3;
  for (std::size_t i = 0; i < std::min(most, keys.size()); ++i) {
    const auto value = run.settings.find(keys[i]);
    if (value == run.settings.end()) continue;
    const std::size_t dot = keys[i].rfind('.');
    text += (text.empty() ? "" : ", ") + keys[i].substr(dot == std::string::npos ? 0 : dot + 1) +
            " " + value->second;
  }
  if (keys.size() > most) text += ", ...";
  return text;
}

Json estimate(double mean, std::optional<analysis::Interval> interval, std::size_t n) {
  Json json = {{"mean", mean}, {"ci95", nullptr}, {"n", n}};
  if (interval) json["ci95"] = {interval->low, interval->high};
  return json;
}

Json over_seeds(const std::vector<double>& values, std::string_view metric) {
  const analysis::MeanInterval mean =
      analysis::mean_interval(values, 0.95, analysis::possible_range(metric));
  return estimate(mean.mean, mean.interval, values.size());
}

analysis::Interval bootstrap_ttft(const RunGroup& group) {
  std::map<std::uint64_t, analysis::Cluster> sessions;
  for_each_measured(group, [&](const RequestRow& row) {
    if (!row.ttft_s) return;
    sessions[row.session].sum += *row.ttft_s * 1e3;
    sessions[row.session].count += 1;
  });
  std::vector<analysis::Cluster> clusters;
  for (const auto& [session, cluster] : sessions) clusters.push_back(cluster);
  return analysis::bootstrap_mean_95(clusters);
}

Json stage_means(const char* of, const std::vector<const RequestRow*>& rows) {
  Json json = {{"of", of}, {"requests", rows.size()}};
  std::array<double, 5> sums{};
  for (const RequestRow* row : rows) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += (*row->stages_s)[i];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    json[analysis::stage_columns[i]] =
        rows.empty() ? Json(nullptr) : Json(sums[i] * 1e3 / static_cast<double>(rows.size()));
  }
  return json;
}

}  // namespace

bool is_measured(const RunSource& source, const RequestRow& row) {
  return std::llround(row.arrival_s * 1e9) >= source.run.summary.labels.warm_up.count();
}

std::optional<double> arrival_rate(const analysis::RunDirectory& run) {
  if (run.requests.size() < 2) return std::nullopt;
  const auto [first, last] =
      std::ranges::minmax(run.requests, {}, [](const RequestRow& row) { return row.arrival_s; });
  const double span = last.arrival_s - first.arrival_s;
  if (span <= 0) return std::nullopt;
  return static_cast<double>(run.requests.size() - 1) / span;
}

std::vector<RunGroup> group_runs(std::span<const RunSource> runs) {
  const std::set<std::string> differing = differing_keys(runs);
  std::vector<std::string> load_keys;
  std::vector<std::string> variant_keys;
  for (const std::string& key : differing) {
    if (is_engine(key) || is_label(key)) continue;
    (is_workload(key) ? load_keys : variant_keys).push_back(key);
  }
  using Key = std::tuple<std::string, bool, std::string, std::vector<std::string>>;
  std::map<Key, std::size_t> places;
  std::vector<RunGroup> groups;
  for (const RunSource& run : runs) {
    const analysis::RunLabels& labels = run.run.summary.labels;
    std::vector<std::string> values;
    for (const std::string& key : differing) {
      const auto value = run.settings.find(key);
      values.push_back(value == run.settings.end() ? "" : value->second);
    }
    const auto [place, fresh] = places.try_emplace(
        Key{labels.engine, run.real, labels.scenario, std::move(values)}, groups.size());
    if (fresh) {
      RunGroup group;
      group.engine = labels.engine;
      group.real = run.real;
      group.load = in_words(run, load_keys);
      if (group.load.empty()) group.load = labels.scenario;
      // What a real run has no use for (the truth of a simulation) tells nothing about it.
      if (!run.real) group.variant = in_words(run, variant_keys);
      groups.push_back(std::move(group));
    }
    groups[place->second].runs.push_back(&run);
  }
  for (RunGroup& group : groups) {
    double sum = 0;
    int count = 0;
    for (const RunSource* run : group.runs) {
      if (const auto rate = arrival_rate(run->run)) sum += *rate, ++count;
    }
    if (count > 0) group.rate = sum / count;
  }
  return groups;
}

Json metrics_of(const RunGroup& group) {
  Json metrics = Json::object();
  const auto add = [&](const char* name, auto value_of) {
    std::vector<double> values;
    for (const RunSource* run : group.runs) {
      if (const std::optional<double> value = value_of(run->run.summary)) values.push_back(*value);
    }
    if (values.empty()) {
      metrics[name] = nullptr;
    } else if (values.size() > 1) {
      metrics[name] = over_seeds(values, name);
    } else {
      metrics[name] = estimate(values.front(), std::nullopt, 1);
    }
  };
  using analysis::Summary;
  const auto ttft = [&](const char* name, double analysis::Spread::*part) {
    add(name, [part](const Summary& summary) {
      return summary.ttft.count > 0 ? std::optional(summary.ttft.*part) : std::nullopt;
    });
  };
  add("slo_attainment", [](const Summary& summary) { return summary.slo_attainment; });
  add("request_goodput", [](const Summary& summary) {
    return summary.slo_attainment ? std::optional(summary.request_goodput) : std::nullopt;
  });
  ttft("mean_ttft_ms", &analysis::Spread::mean);
  ttft("median_ttft_ms", &analysis::Spread::median);
  ttft("p90_ttft_ms", &analysis::Spread::p90);
  ttft("p95_ttft_ms", &analysis::Spread::p95);
  ttft("p99_ttft_ms", &analysis::Spread::p99);
  if (group.runs.size() == 1) {
    const Summary& summary = group.runs.front()->run.summary;
    if (summary.slo_attainment) {
      metrics["slo_attainment"]["ci95"] = {summary.slo_attainment_ci95.low,
                                           summary.slo_attainment_ci95.high};
    }
    if (summary.ttft.count > 0) {
      const analysis::Interval interval = bootstrap_ttft(group);
      metrics["mean_ttft_ms"]["ci95"] = {interval.low, interval.high};
    }
  }
  return metrics;
}

Json stages_of(const RunGroup& group) {
  std::vector<const RequestRow*> all;
  std::vector<const RequestRow*> missed;
  for_each_measured(group, [&](const RequestRow& row) {
    if (!row.stages_s) return;
    all.push_back(&row);
    if (row.slo_met == false) missed.push_back(&row);
  });
  std::vector<const RequestRow*> slowest = all;
  std::ranges::stable_sort(slowest, std::greater<>{},
                           [](const RequestRow* r) { return r->ttft_s; });
  slowest.resize(std::min(slowest.size(), (slowest.size() + 99) / 100));
  return Json::array(
      {stage_means("all", all), stage_means("missed", missed), stage_means("slowest", slowest)});
}

Json differences(std::span<const RunSource> runs) {
  Json rows = Json::array();
  for (const std::string& key : differing_keys(runs)) {
    Json values = Json::array();
    for (const RunSource& run : runs) {
      const auto value = run.settings.find(key);
      values.push_back(value == run.settings.end() ? Json(nullptr) : Json(value->second));
    }
    rows.push_back({{"key", key}, {"values", std::move(values)}});
  }
  return rows;
}

}  // namespace calvo::report
