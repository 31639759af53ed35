#include "sweeps/what_if.hpp"

#include <set>
#include <utility>

#include "core/contract.hpp"
#include "sweeps/tree_path.hpp"

namespace calvo::sweeps {
namespace {

using scenarios::Setting;

void refuse_without_objective(const WrittenOut& scenario, const std::string& verb) {
  const auto is_none = [&](const char* key) {
    const YamlNode* node = node_at(scenario.tree, key);
    return node == nullptr || node->text == "none";
  };
  const YamlNode* ttft = node_at(scenario.tree, "slo.ttft");
  if ((ttft != nullptr && ttft->kind == YamlNode::Kind::map) || !is_none("slo.tpot")) return;
  throw InputError({scenario.file, 0, 0}, "slo",
                   "asks for nothing, and " + verb +
                       " is about attainment; set an objective like slo: {ttft: {fixed: 1 s}}");
}

}  // namespace

std::string_view name_of(ChangeKind kind) {
  return kind == ChangeKind::resource ? "resource" : "engine";
}

WrittenOut write_out_scenario(const std::string& file, const scenarios::LoadOptions& options,
                              const std::string& verb) {
  const std::string text = read_text(file);
  const scenarios::ResolvedScenario resolved =
      scenarios::resolve_scenario_text(text, file, options);
  WrittenOut scenario{.name = resolved.name,
                      .engine = resolved.engine,
                      .file = file,
                      .yaml = resolved.yaml,
                      .tree = read_yaml_text(resolved.yaml, file),
                      .text = text,
                      .overrides = options.overrides};
  refuse_without_objective(scenario, verb);
  return scenario;
}

SweepFile what_if_sweep(const WrittenOut& scenario, std::vector<Change>& changes,
                        const std::vector<std::uint64_t>& seeds,
                        const scenarios::SearchPath& search) {
  CALVO_EXPECT(!seeds.empty());
  SweepFile sweep;
  sweep.path = scenario.file;
  sweep.name = "whatif";
  sweep.scenario = scenario.file;
  sweep.scenario_path = scenario.file;
  sweep.scenario_text = scenario.yaml;
  sweep.seeds = seeds;
  sweep.deadlines = scenarios::DeadlineMachines::as_written;
  sweep.points.emplace_back();  // the scenario as it is

  scenarios::LoadOptions options;
  options.search = search;
  const auto resolved = [&] {
    return scenarios::resolve_scenario_text(scenario.yaml, scenario.file, options).yaml;
  };
  std::set<std::string> seen = {resolved()};
  std::vector<Change> kept;
  for (Change& change : changes) {
    options.settings = change.settings;
    try {
      if (!seen.insert(resolved()).second) continue;
    } catch (const InputError&) {  // switches that do not go together
      continue;
    }
    sweep.points.push_back(change.settings);
    kept.push_back(std::move(change));
  }
  changes = std::move(kept);
  return sweep;
}

}  // namespace calvo::sweeps
