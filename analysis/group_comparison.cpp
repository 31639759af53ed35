#include "analysis/group_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/contract.hpp"

namespace calvo::analysis {
namespace {

using Json = nlohmann::ordered_json;

/// A metric's values by seed; a seed may be there more than once (repeats of a real run).
using BySeed = std::multimap<std::uint64_t, double>;

BySeed values_of(const RunGroup& group, const std::string& settings, const std::string& metric) {
  BySeed values;
  for (const RunSample& sample : group.samples) {
    if (sample.settings != settings) continue;
    if (const auto value = sample.result.metric(metric)) values.emplace(sample.seed, *value);
  }
  return values;
}

std::vector<double> plain(const BySeed& values) {
  std::vector<double> result;
  for (const auto& [seed, value] : values) result.push_back(value);
  return result;
}

bool each_once(const BySeed& values) {
  return std::ranges::adjacent_find(values, {}, [](const auto& entry) { return entry.first; }) ==
         values.end();
}

/// Ours less the reference's, for the seeds that both have.
std::vector<double> pairs_of(const BySeed& ours, const BySeed& reference) {
  std::vector<double> differences;
  for (const auto& [seed, value] : ours) {
    const auto other = reference.find(seed);
    if (other != reference.end()) differences.push_back(value - other->second);
  }
  return differences;
}

std::optional<Difference> difference_of(const BySeed& ours, const BySeed& reference,
                                        std::size_t tests) {
  if (ours.empty() || reference.empty()) return std::nullopt;
  if (each_once(ours) && each_once(reference)) {
    const std::vector<double> pairs = pairs_of(ours, reference);
    if (pairs.size() >= 2 || (pairs.size() == 1 && std::min(ours.size(), reference.size()) == 1)) {
      return paired_difference(pairs, tests);
    }
  }
  return unpaired_difference(plain(ours), plain(reference), tests);
}

/// Two means in `possible` are no further apart than its ends are.
void bound(Difference& difference, Interval possible) {
  if (!difference.ci95) return;
  const double most = possible.high - possible.low;
  difference.ci95 = {std::max(difference.ci95->low, -most), std::min(difference.ci95->high, most)};
}

/// What of the runs was interrupted, a sentence a group.
std::vector<std::string> interrupted_runs(const std::vector<RunGroup>& groups) {
  std::vector<std::string> sentences;
  for (const RunGroup& group : groups) {
    std::set<std::uint64_t> seeds;
    std::ptrdiff_t count = 0;
    for (const RunSample& sample : group.samples) {
      if (sample.result.complete) continue;
      seeds.insert(sample.seed);
      count += 1;
    }
    if (count == 0) continue;
    sentences.push_back(fmt::format("{}: {} of {} runs {} interrupted: not complete (seed{} {})",
                                    group.name, count, group.samples.size(),
                                    count == 1 ? "was" : "were", seeds.size() == 1 ? "" : "s",
                                    fmt::join(seeds, ", ")));
  }
  return sentences;
}

std::vector<std::string> settings_of(const std::vector<RunGroup>& groups) {
  std::vector<std::string> settings;
  for (const RunGroup& group : groups) {
    for (const RunSample& sample : group.samples) {
      if (std::ranges::find(settings, sample.settings) == settings.end()) {
        settings.push_back(sample.settings);
      }
    }
  }
  return settings;
}

bool is_share(const std::string& metric) {
  return metric == "slo_attainment" || metric == "prefix_cache_hit_ratio" ||
         metric == "bottleneck_utilization";
}

/// Shares in percent, everything else in its unit.
std::string number_text(const std::string& metric, double value, bool sign) {
  const double shown = is_share(metric) ? 100 * value : value;
  const int digits = is_share(metric) || std::abs(shown) >= 100 ? 1 : 3;
  return fmt::format(fmt::runtime(sign ? "{:+.{}f}" : "{:.{}f}"), shown, digits);
}

std::string interval_text(const std::string& metric, const std::optional<Interval>& interval,
                          bool sign) {
  if (!interval) return "-";
  return fmt::format("[{}, {}]", number_text(metric, interval->low, sign),
                     number_text(metric, interval->high, sign));
}

std::string p_text(double p) {
  return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p);
}

const char* unit_of(const std::string& metric) {
  return is_share(metric) ? " (%)" : "";
}

bool has_settings(const GroupComparison& comparison) {
  return std::ranges::any_of(comparison.values,
                             [](const GroupValue& value) { return !value.settings.empty(); });
}

std::string reference_name(const GroupComparison& comparison) {
  return comparison.against == Against::first ? comparison.groups.front() : "the one before";
}

TextTable table_of(const GroupComparison& comparison, const std::string& metric) {
  const bool settings = has_settings(comparison);
  TextTable table;
  TextTable::Row heading;
  if (settings) heading.emplace_back("settings");
  for (const std::string& name : {std::string("runs"), std::string("n"), metric + unit_of(metric),
                                  std::string("[95 %]"), "against " + reference_name(comparison),
                                  std::string("[95 %]"), std::string("p"), std::string("")}) {
    heading.push_back(name);
  }
  table.rows.push_back(heading);
  for (const GroupValue& value : comparison.values) {
    if (value.metric != metric) continue;
    TextTable::Row row;
    if (settings) row.push_back(value.settings);
    row.push_back(value.group);
    row.push_back(std::to_string(value.mean.count));
    row.push_back(value.mean.count > 0 ? number_text(metric, value.mean.mean, false) : "-");
    row.push_back(interval_text(metric, value.mean.interval, false));
    if (value.vs_first) {
      row.push_back(number_text(metric, value.vs_first->mean, true));
      row.push_back(interval_text(metric, value.vs_first->ci95, true));
      row.push_back(value.vs_first->ci95 ? p_text(value.adjusted_p) : "-");
      row.emplace_back(value.significant() ? "*" : "");
    } else {
      row.insert(row.end(), {"", "", "", ""});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// A row a value, numbers in the unit of the metric and as they are.
TextTable tidy_table(const GroupComparison& comparison) {
  const auto number = [](double value) { return fmt::format("{}", value); };
  TextTable table;
  table.rows.push_back({"metric", "settings", "runs", "n", "mean", "ci95_low", "ci95_high",
                        "difference", "difference_ci95_low", "difference_ci95_high", "paired", "p",
                        "adjusted_p", "significant"});
  for (const GroupValue& value : comparison.values) {
    TextTable::Row row(table.rows.front().size());
    const auto put = [&](std::size_t at, const std::optional<Interval>& interval) {
      if (!interval) return;
      row[at] = number(interval->low);
      row[at + 1] = number(interval->high);
    };
    row[0] = value.metric;
    row[1] = value.settings;
    row[2] = value.group;
    row[3] = std::to_string(value.mean.count);
    if (value.mean.count > 0) row[4] = number(value.mean.mean);
    put(5, value.mean.interval);
    if (const auto& difference = value.vs_first) {
      row[7] = number(difference->mean);
      put(8, difference->ci95);
      row[10] = difference->paired ? "1" : "0";
      if (difference->ci95) {
        row[11] = number(difference->p);
        row[12] = number(value.adjusted_p);
        row[13] = value.significant() ? "1" : "0";
      }
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// How differences were taken, in words.
std::string method_text(const GroupComparison& comparison) {
  std::size_t paired = 0;
  std::size_t unpaired = 0;
  for (const GroupValue& value : comparison.values) {
    if (value.vs_first) (value.vs_first->paired ? paired : unpaired) += 1;
  }
  std::string text =
      fmt::format("Differences {}. ", unpaired == 0 ? "are paired by seed"
                                      : paired == 0 ? "are between independent runs"
                                                    : "are paired by seed where both have it");
  return text + fmt::format(
                    "* significant at 5 % after Holm's correction for {} test{} of a "
                    "metric; p is so corrected, the intervals are not.",
                    comparison.tests, comparison.tests == 1 ? "" : "s");
}

}  // namespace

GroupComparison compare_groups(const std::vector<RunGroup>& groups,
                               const std::vector<std::string>& metrics, Against against) {
  CALVO_EXPECT(!groups.empty() && !metrics.empty());
  GroupComparison comparison;
  comparison.against = against;
  comparison.metrics = metrics;
  for (const RunGroup& group : groups) comparison.groups.push_back(group.name);
  const std::vector<std::string> settings = settings_of(groups);
  comparison.tests = settings.size() * (groups.size() - 1);
  comparison.warnings = interrupted_runs(groups);
  std::size_t lonely = 0;
  for (const std::string& metric : metrics) {
    std::vector<double> p_values;
    std::vector<std::size_t> tested;
    for (const std::string& where : settings) {
      BySeed reference = values_of(groups.front(), where, metric);
      for (const RunGroup& group : groups) {
        BySeed ours = values_of(group, where, metric);
        if (ours.empty()) continue;
        GroupValue value{where,        group.name,
                         metric,       mean_interval(plain(ours), 0.95, possible_range(metric)),
                         std::nullopt, 1};
        if (&group != &groups.front()) {
          value.vs_first = difference_of(ours, reference, comparison.tests);
          if (value.vs_first) bound(*value.vs_first, possible_range(metric));
        }
        if (against == Against::previous) reference = std::move(ours);
        if (value.vs_first && value.vs_first->ci95) {
          tested.push_back(comparison.values.size());
          p_values.push_back(value.vs_first->p);
        } else if (value.vs_first) {
          lonely += 1;
        }
        comparison.values.push_back(std::move(value));
      }
    }
    const std::vector<double> adjusted = holm(p_values);
    for (std::size_t i = 0; i < tested.size(); ++i) {
      comparison.values[tested[i]].adjusted_p = adjusted[i];
    }
  }
  if (lonely > 0) {
    comparison.warnings.push_back(
        fmt::format("{} difference{} of single runs, which no interval can be given of; simulate "
                    "more seeds",
                    lonely, lonely == 1 ? " is" : "s are"));
  }
  return comparison;
}

std::string to_text(const GroupComparison& comparison, TableFormat format) {
  if (format == TableFormat::csv) return render(tidy_table(comparison), format);
  std::string out;
  for (const std::string& metric : comparison.metrics) {
    if (!out.empty()) out += "\n";
    out += render(table_of(comparison, metric), format);
  }
  const char* comment = format == TableFormat::latex ? "% " : "";
  out += fmt::format("\n{}{}\n", comment, method_text(comparison));
  for (const std::string& warning : comparison.warnings) {
    out += fmt::format("{}warning: {}\n", comment, warning);
  }
  return out;
}

nlohmann::ordered_json to_json(const GroupComparison& comparison) {
  const auto ends = [](const std::optional<Interval>& interval) {
    return interval ? Json{interval->low, interval->high} : Json(nullptr);
  };
  Json json;
  json["reference"] =
      comparison.against == Against::first ? Json(comparison.groups.front()) : Json(nullptr);
  json["tests_per_metric"] = comparison.tests;
  json["values"] = Json::array();
  for (const GroupValue& value : comparison.values) {
    Json each;
    each["metric"] = value.metric;
    each["settings"] = value.settings;
    each["group"] = value.group;
    each["n"] = value.mean.count;
    each["mean"] = value.mean.mean;
    each["ci95"] = ends(value.mean.interval);
    each["vs_reference"] = nullptr;
    if (const auto& difference = value.vs_first) {
      each["vs_reference"] = {{"mean", difference->mean},
                              {"ci95", ends(difference->ci95)},
                              {"paired", difference->paired},
                              {"n", difference->count},
                              {"p", difference->p},
                              {"adjusted_p", value.adjusted_p},
                              {"significant", value.significant()}};
    }
    json["values"].push_back(std::move(each));
  }
  json["warnings"] = comparison.warnings;
  return json;
}

}  // namespace calvo::analysis
