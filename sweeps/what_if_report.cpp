#include "sweeps/what_if_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "analysis/group_comparison.hpp"
#include "core/contract.hpp"

namespace calvo::sweeps {
namespace {

using analysis::Difference;
using analysis::GroupValue;
using analysis::Interval;
using analysis::MeanInterval;
using analysis::PointResult;
using analysis::RunGroup;
using analysis::TableFormat;
using analysis::TextTable;
using Json = nlohmann::ordered_json;

constexpr const char* attainment_metric = "slo_attainment";
constexpr const char* ttft_metric = "mean_ttft_ms";

/// The runs of a cell; none and an error if one of them failed.
struct CellRuns {
  RunGroup group;
  std::string error;
};

CellRuns runs_of(const Schedule& schedule, const CellRecord& record, const std::string& name) {
  CellRuns runs{{name, {}}, {}};
  for (const std::uint64_t seed : record.seeds) {
    const PointOutcome* outcome = schedule.outcome(record.cell->point(seed));
    CALVO_EXPECT(outcome != nullptr);
    if (const auto* failure = std::get_if<Failure>(outcome)) {
      runs.error = failure->error;
      return runs;
    }
    runs.group.samples.push_back({"", seed, std::get<PointResult>(*outcome)});
  }
  return runs;
}

std::string bottleneck_of(const RunGroup& group) {
  std::map<std::string, int> seen;
  for (const auto& sample : group.samples) seen[sample.result.bottleneck] += 1;
  return std::ranges::max_element(seen, {}, [](const auto& entry) { return entry.second; })->first;
}

/// As good as equal: sums of the same numbers in other orders.
bool same(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

bool goes_before(const RankedChange& a, const RankedChange& b) {
  const auto mean = [](const Effect& effect) {
    return effect.difference ? effect.difference->mean : 0.0;
  };
  if (!same(mean(a.attainment), mean(b.attainment))) {
    return mean(a.attainment) > mean(b.attainment);
  }
  if (!same(mean(a.ttft), mean(b.ttft))) return mean(a.ttft) < mean(b.ttft);
  return false;
}

std::string interval_text(const std::optional<Interval>& interval, double unit, const char* form) {
  if (!interval) return "-";
  const auto text = [&](double end) {
    return std::abs(unit * end) < 0.05 ? "0.0" : fmt::format(fmt::runtime(form), unit * end);
  };
  return fmt::format("[{}, {}]", text(interval->low), text(interval->high));
}

/// One decimal; what rounds to nothing has no sign.
std::string signed_text(double value) {
  return std::abs(value) < 0.05 ? "0.0" : fmt::format("{:+.1f}", value);
}

void append_effect(TextTable::Row& row, const Effect& effect, double unit) {
  row.push_back(effect.mean.count > 0 ? fmt::format("{:.1f}", unit * effect.mean.mean) : "-");
  if (!effect.difference) {
    row.insert(row.end(), {"-", "-", ""});
    return;
  }
  row.push_back(signed_text(unit * effect.difference->mean));
  row.push_back(interval_text(effect.difference->ci95, unit, "{:+.1f}"));
  row.emplace_back(effect.significant() ? "*" : "");
}

std::vector<const RankedChange*> of_kind(const WhatIf& what_if, ChangeKind kind) {
  std::vector<const RankedChange*> found;
  for (const RankedChange& each : what_if.changes) {
    if (each.change.kind == kind) found.push_back(&each);
  }
  return found;
}

TextTable table_of(const std::vector<const RankedChange*>& changes, std::size_t most) {
  const bool engine = changes.front()->change.kind == ChangeKind::engine;
  TextTable table;
  table.rows.push_back({engine ? "switch" : "resource", "rank", "attainment (%)", "more", "[95 %]",
                        "", "mean TTFT (ms)", "more", "[95 %]", "", "what"});
  for (const RankedChange* each : changes) {
    if (most != 0 && table.rows.size() > most) break;
    TextTable::Row row = {each->change.name, std::to_string(each->rank)};
    append_effect(row, each->attainment, 100);
    append_effect(row, each->ttft, 1);
    row.push_back(each->change.detail);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string full(double value) {
  return fmt::format("{}", value);
}

void append_numbers(TextTable::Row& row, const Effect& effect) {
  row.push_back(effect.mean.count > 0 ? full(effect.mean.mean) : "");
  const bool known = effect.difference.has_value();
  const bool interval = known && effect.difference->ci95.has_value();
  row.push_back(known ? full(effect.difference->mean) : "");
  row.push_back(interval ? full(effect.difference->ci95->low) : "");
  row.push_back(interval ? full(effect.difference->ci95->high) : "");
  row.push_back(interval ? full(effect.adjusted_p) : "");
}

TextTable number_table(const WhatIf& what_if) {
  TextTable table;
  TextTable::Row heading = {"rank", "change", "kind", "detail"};
  for (const char* metric : {attainment_metric, ttft_metric}) {
    for (const char* part : {"", "_more", "_more_low", "_more_high", "_adjusted_p"}) {
      heading.push_back(std::string(metric) + part);
    }
  }
  table.rows.push_back(std::move(heading));
  for (const RankedChange& each : what_if.changes) {
    TextTable::Row row = {std::to_string(each.rank), each.change.name,
                          std::string(name_of(each.change.kind)), each.change.detail};
    append_numbers(row, each.attainment);
    append_numbers(row, each.ttft);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string headline(const WhatIf& what_if) {
  std::string text = fmt::format(
      "{} under {}, {} seed{}: attainment {:.1f} % {}, mean TTFT {:.1f} ms {}", what_if.scenario,
      what_if.engine, what_if.seeds.size(), what_if.seeds.size() == 1 ? "" : "s",
      100 * what_if.attainment.mean, interval_text(what_if.attainment.interval, 100, "{:.1f}"),
      what_if.ttft.mean, interval_text(what_if.ttft.interval, 1, "{:.1f}"));
  if (!what_if.bottleneck.empty()) text += "; busiest: " + what_if.bottleneck;
  return text + "\n";
}

/// What the changes of a kind come to, in a sentence.
std::string verdict(const std::vector<const RankedChange*>& changes) {
  const bool engine = changes.front()->change.kind == ChangeKind::engine;
  const char* kind = engine ? "switches" : "resources";
  const auto raises = [](const RankedChange* each) {
    return each->attainment.significant() && each->attainment.difference->mean > 0;
  };
  const RankedChange& first = *changes.front();
  if (!first.attainment.difference || first.attainment.difference->mean <= 0) {
    return fmt::format("None of {} {} raises attainment.\n", changes.size(), kind);
  }
  return fmt::format("Of {} {}: {} ({}), {} points {}{}; {} raise{} attainment significantly.\n",
                     changes.size(), kind, first.change.name, first.change.detail,
                     signed_text(100 * first.attainment.difference->mean),
                     interval_text(first.attainment.difference->ci95, 100, "{:+.1f}"),
                     raises(&first) ? "" : ", not significant (--seeds asks for more simulations)",
                     std::ranges::count_if(changes, raises),
                     std::ranges::count_if(changes, raises) == 1 ? "s" : "");
}

std::string notes(const WhatIf& what_if, bool cut) {
  std::string text = cut ? "--top 0 shows the changes that are worth less.\n" : "";
  text +=
      "One change at a time; differences are paired by seed. * significant at 5 % after Holm's\n"
      "correction for the changes of a table. Deadlines stay those of the scenario as it is.\n";
  if (!what_if.failed.empty()) {
    std::string names;
    for (const FailedChange& each : what_if.failed) {
      names += (names.empty() ? "" : ", ") + each.change.name;
    }
    text += fmt::format("Not possible here (--json says why): {}.\n", names);
  }
  return text;
}

std::string commented(const std::string& text) {
  std::string result = "% ";
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == '\n' && i + 1 < text.size()) result += "% ";
  }
  return result;
}

Json to_json(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json(nullptr);
}

Json to_json(const MeanInterval& mean) {
  return {{"mean", mean.mean}, {"ci95", to_json(mean.interval)}, {"n", mean.count}};
}

Json to_json(const Effect& effect) {
  Json json = to_json(effect.mean);
  json["more"] = nullptr;
  if (const auto& difference = effect.difference) {
    json["more"] = {{"mean", difference->mean},
                    {"ci95", to_json(difference->ci95)},
                    {"p", difference->p},
                    {"adjusted_p", effect.adjusted_p},
                    {"significant", effect.significant()}};
  }
  return json;
}

Json to_json(const Change& change) {
  Json json;
  json["change"] = change.name;
  json["kind"] = std::string(name_of(change.kind));
  json["detail"] = change.detail;
  json["set"] = Json::object();
  for (const auto& setting : change.settings) json["set"][setting.key] = setting.value.text;
  return json;
}

/// Adds the changes of a kind, ranked: what is bought and what is set are chosen apart.
void rank_kind(WhatIf& result, ChangeKind kind, const RunGroup& base,
               const std::vector<Change>& changes, const std::vector<CellRecord>& cells,
               const Schedule& schedule) {
  std::vector<RunGroup> groups = {base};
  std::map<std::string, std::size_t> place;  // of a group in `ranked`
  std::vector<RankedChange> ranked;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].kind != kind) continue;
    CellRuns runs = runs_of(schedule, cells[i + 1], std::to_string(i));
    if (!runs.error.empty()) {
      result.failed.push_back({changes[i], runs.error});
      continue;
    }
    place[runs.group.name] = ranked.size();
    ranked.push_back({changes[i], 0, {}, {}});
    groups.push_back(std::move(runs.group));
  }
  const auto comparison = analysis::compare_groups(groups, {attainment_metric, ttft_metric});
  for (const GroupValue& value : comparison.values) {
    const bool is_ttft = value.metric == ttft_metric;
    if (value.group.empty()) {
      (is_ttft ? result.ttft : result.attainment) = value.mean;
      continue;
    }
    RankedChange& change = ranked[place.at(value.group)];
    (is_ttft ? change.ttft : change.attainment) = {value.mean, value.vs_first, value.adjusted_p};
  }
  std::ranges::stable_sort(ranked, goes_before);
  for (RankedChange& change : ranked) {
    change.rank = static_cast<int>(&change - ranked.data()) + 1;
    result.changes.push_back(std::move(change));
  }
}

}  // namespace

WhatIf rank_changes(const WrittenOut& scenario, const std::vector<Change>& changes,
                    const Schedule& schedule) {
  const std::vector<CellRecord> cells = schedule.cells();
  CALVO_EXPECT(schedule.finished() && cells.size() == changes.size() + 1);
  WhatIf result;
  result.scenario = scenario.name;
  result.engine = scenario.engine;
  result.seeds = cells.front().seeds;

  CellRuns base = runs_of(schedule, cells.front(), "");
  if (!base.error.empty()) {
    throw InputError({scenario.file, 0, 0}, "", "cannot be simulated as it is: " + base.error);
  }
  result.bottleneck = bottleneck_of(base.group);
  for (const ChangeKind kind : {ChangeKind::resource, ChangeKind::engine}) {
    rank_kind(result, kind, base.group, changes, cells, schedule);
  }
  return result;
}

std::string to_text(const WhatIf& what_if, TableFormat format, std::size_t most) {
  if (format == TableFormat::csv) return analysis::render(number_table(what_if), format);
  std::string before = headline(what_if);
  if (what_if.attainment.mean > 0.999) {
    before += "Every request meets its objectives: there is next to nothing to raise.\n";
  }
  std::string tables;
  bool cut = false;
  for (const ChangeKind kind : {ChangeKind::resource, ChangeKind::engine}) {
    const auto changes = of_kind(what_if, kind);
    if (changes.empty()) continue;
    before += verdict(changes);
    tables += (tables.empty() ? "" : "\n") + analysis::render(table_of(changes, most), format);
    cut = cut || (most != 0 && changes.size() > most);
  }
  const std::string after = notes(what_if, cut);
  if (format == TableFormat::latex) return commented(before) + tables + commented(after);
  return before + "\n" + tables + "\n" + after;
}

Json to_json(const WhatIf& what_if) {
  Json json;
  json["scenario"] = what_if.scenario;
  json["engine"] = what_if.engine;
  json["seeds"] = what_if.seeds;
  json["bottleneck"] = what_if.bottleneck;
  json[attainment_metric] = to_json(what_if.attainment);
  json[ttft_metric] = to_json(what_if.ttft);
  json["changes"] = Json::array();
  for (const RankedChange& each : what_if.changes) {
    Json row;
    row["rank"] = each.rank;
    row.update(to_json(each.change));
    row[attainment_metric] = to_json(each.attainment);
    row[ttft_metric] = to_json(each.ttft);
    json["changes"].push_back(std::move(row));
  }
  json["failed"] = Json::array();
  for (const FailedChange& each : what_if.failed) {
    Json row = to_json(each.change);
    row["error"] = each.error;
    json["failed"].push_back(std::move(row));
  }
  return json;
}

}  // namespace calvo::sweeps
