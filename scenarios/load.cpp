#include "scenarios/load.hpp"

#include <utility>

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

Scenario load(YamlNode tree, const std::string& file, const LoadOptions& options) {
  const YamlSection root = prepare(std::move(tree), options);
  FieldContext context;
  context.search = options.search;
  const Draft draft = read_draft(root, context);
  root.reject_unknown_keys();
  Scenario scenario = derive(draft, root, context);
  scenario.file = file;
  scenario.resolved_yaml = write_draft(draft, context);
  return scenario;
}

}  // namespace

Scenario load_scenario(const std::string& file, const LoadOptions& options) {
  return load(read_yaml_file(file), file, options);
}

Scenario load_scenario_text(const std::string& text, const std::string& file,
                            const LoadOptions& options) {
  return load(read_yaml_text(text, file), file, options);
}

ResolvedScenario resolve_scenario_text(const std::string& text, const std::string& file,
                                       const LoadOptions& options) {
  const YamlSection root = prepare(read_yaml_text(text, file), options);
  FieldContext context;
  context.search = options.search;
  const Draft draft = read_draft(root, context);
  root.reject_unknown_keys();
  return {draft.name, draft.engine.name, draft.seed, write_draft(draft, context)};
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
