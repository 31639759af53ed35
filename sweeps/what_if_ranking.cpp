#include "sweeps/what_if_ranking.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "analysis/group_comparison.hpp"
#include "core/contract.hpp"
#include "sweeps/cell_runs.hpp"
#include "sweeps/tree_path.hpp"

namespace calvo::sweeps {
namespace {

using analysis::GroupValue;
using analysis::RunGroup;

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

/// Adds the changes of a kind, ranked: what is bought and what is set are chosen apart.
void rank_kind(WhatIf& result, ChangeKind kind, const CellRuns& base,
               const std::vector<Change>& changes, const std::vector<CellRecord>& cells,
               const Schedule& schedule) {
  std::vector<RunGroup> groups = {{"", base.samples}};
  std::map<std::string, std::size_t> place;  // of a group in `ranked`
  std::vector<RankedChange> ranked;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].kind != kind) continue;
    CellRuns runs = runs_of(schedule, cells[i + 1]);
    if (!runs.error.empty()) {
      result.failed.push_back({changes[i], runs.error});
      continue;
    }
    const std::string name = std::to_string(i);
    place[name] = ranked.size();
    ranked.push_back({changes[i], 0, {}, {}});
    groups.push_back({name, std::move(runs.samples)});
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
  const YamlNode* ttft = node_at(scenario.tree, "slo.ttft");
  result.relative_deadlines =
      ttft != nullptr && ttft->kind == YamlNode::Kind::map && text_at(*ttft, "fixed").empty();

  const CellRuns base = runs_of(schedule, cells.front());
  if (!base.error.empty()) {
    throw InputError({scenario.file, 0, 0}, "", "cannot be simulated as it is: " + base.error);
  }
  result.bottleneck = bottleneck_of(base);
  for (const ChangeKind kind : {ChangeKind::resource, ChangeKind::engine}) {
    rank_kind(result, kind, base, changes, cells, schedule);
  }
  return result;
}

}  // namespace calvo::sweeps
