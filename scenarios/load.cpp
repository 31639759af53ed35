#include "scenarios/load.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "core/contract.hpp"
#include "core/yaml_tree.hpp"
#include "scenarios/calibration.hpp"
#include "scenarios/derive.hpp"
#include "scenarios/draft.hpp"
#include "scenarios/tree_edit.hpp"

namespace calvo::scenarios {
namespace {

void apply_overrides(YamlNode& root, const LoadOptions& options) {
  for (const Setting& setting : options.settings) {
    apply_value(root, setting.key, setting.value, setting.place, named_keys);
  }
  for (const std::string& argument : options.overrides) {
    apply_override(root, argument, named_keys);
  }
}

YamlSection prepare(YamlNode root, const LoadOptions& options) {
  apply_overrides(root, options);
  if (lay_calibration(root, options.search)) {  // what the user says last is said once more
    apply_overrides(root, options);
    remove_key(root, "calibration");
  }
  if (options.seed) apply_override(root, "seed=" + std::to_string(*options.seed));
  expand_names(root, options.search);
  return YamlSection(std::move(root));
}

/// A scenario whose keys have all been read.
struct Read {
  YamlSection root;
  FieldContext context;
  Draft draft;
};

Read read(YamlNode tree, const LoadOptions& options) {
  Read result{prepare(std::move(tree), options), {}, {}};
  result.context.search = options.search;
  result.draft = read_draft(result.root, result.context);
  result.root.reject_unknown_keys();
  return result;
}

bool is_about_machines(const Setting& setting) {
  const std::string first = setting.key.substr(0, setting.key.find('.'));
  return std::ranges::find(machine_keys, first) != std::end(machine_keys);
}

/// What the requests are held to on the machines that the scenario has as it is written.
void take_deadlines(Scenario& scenario, const Scenario& written) {
  const std::span<RequestSpec> requests = scenario.workload->requests();
  const std::span<RequestSpec> same = written.workload->requests();
  CALVO_ENSURE(requests.size() == same.size());  // machines do not make requests
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CALVO_ENSURE(requests[i].id == same[i].id);
    requests[i].deadline = same[i].deadline;
  }
}

/// The options of the scenario whose deadlines are taken; none if they are its own.
std::optional<LoadOptions> written_machines(const LoadOptions& options) {
  if (options.deadlines == DeadlineMachines::own) return std::nullopt;
  LoadOptions written = options;
  written.deadlines = DeadlineMachines::own;
  if (std::erase_if(written.settings, is_about_machines) == 0) return std::nullopt;
  return written;
}

Scenario load(const YamlNode& tree, const std::string& file, const LoadOptions& options) {
  const auto [root, context, draft] = read(tree, options);
  Scenario scenario = derive(draft, root, context);
  scenario.file = file;
  scenario.resolved_yaml = write_draft(draft, context);
  if (const auto written = written_machines(options)) {
    take_deadlines(scenario, load(tree, file, *written));
  }
  return scenario;
}

WorkloadFacts check(const YamlNode& tree, const LoadOptions& options, KnownWorkloads& known) {
  const auto [root, context, draft] = read(tree, options);
  const WorkloadFacts facts = check_draft(draft, root, context, known);
  if (const auto written = written_machines(options)) check(tree, *written, known);
  return facts;
}

}  // namespace

Scenario load_scenario(const std::string& file, const LoadOptions& options) {
  return load(read_yaml_file(file), file, options);
}

Scenario load_scenario_text(const std::string& text, const std::string& file,
                            const LoadOptions& options) {
  return load(read_yaml_text(text, file), file, options);
}

WorkloadFacts check_scenario_text(const std::string& text, const std::string& file,
                                  const LoadOptions& options, KnownWorkloads& known) {
  return check(read_yaml_text(text, file), options, known);
}

ResolvedScenario resolve_scenario_text(const std::string& text, const std::string& file,
                                       const LoadOptions& options) {
  const auto [root, context, draft] = read(read_yaml_text(text, file), options);
  return {draft.name, draft.engine.name, draft.seed, write_draft(draft, context),
          draft.workload.kind};
}

std::vector<std::string> known_keys(const std::string& text, const std::string& file,
                                    const LoadOptions& options) {
  const YamlSection root = prepare(read_yaml_text(text, file), options);
  FieldContext context;
  context.search = options.search;
  read_draft(root, context);
  return root.asked_paths();
}

}  // namespace calvo::scenarios
