#include "report/run_source.hpp"

#include <filesystem>
#include <utility>

#include "core/input_error.hpp"
#include "core/yaml_tree.hpp"
#include "report/text_file.hpp"

namespace calvo::report {
namespace {

namespace fs = std::filesystem;

void flatten_into(FlatScenario& flat, const YamlNode& node, const std::string& path) {
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  switch (node.kind) {
    case YamlNode::Kind::null:
      flat[path] = "";
      return;
    case YamlNode::Kind::scalar:
      flat[path] = node.text;
      return;
    case YamlNode::Kind::list:
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        flatten_into(flat, node.items[i], below(std::to_string(i)));
      }
      return;
    case YamlNode::Kind::map:
      for (const YamlNode::Entry& entry : node.entries) {
        flatten_into(flat, entry.value, below(entry.key));
      }
      return;
  }
}

bool is_real(const nlohmann::ordered_json& environment, const std::string& file) {
  const auto driver = environment.find("driver");
  if (driver != environment.end() && *driver == "sim") return false;
  if (driver != environment.end() && *driver == "realrun") return true;
  throw InputError({file, 0, 0}, "driver",
                   "does not say \"sim\" or \"realrun\"; run the scenario again");
}

}  // namespace

FlatScenario flatten(const std::string& text, const std::string& file) {
  FlatScenario flat;
  const YamlNode root = read_yaml_text(text, file);
  if (root.kind != YamlNode::Kind::map) {
    throw InputError({file, 0, 0}, "", "is no scenario: a mapping is expected; run it again");
  }
  flatten_into(flat, root, "");
  return flat;
}

RunSource read_run_source(const std::string& directory, Kept kept) {
  RunSource source;
  source.run = analysis::read_run_directory(directory);
  source.name = source.run.path;
  const fs::path root = source.run.path;
  const auto there = [&](const char* file) { return fs::exists(root / file); };
  const auto wanted = [&](const char* file) { return kept == Kept::run || there(file); };
  const auto path = [&](const char* file) { return (root / file).string(); };

  source.summary = read_json(path(analysis::summary_file));
  if (wanted(analysis::environment_file)) {
    source.environment = read_json(path(analysis::environment_file));
    source.real = is_real(source.environment, path(analysis::environment_file));
  }
  if (wanted(analysis::scenario_file)) {
    source.scenario = read_text(path(analysis::scenario_file));
    source.settings = flatten(source.scenario, path(analysis::scenario_file));
  }
  if (there(analysis::timeline_file))
    source.timeline = read_timeline(path(analysis::timeline_file));
  if (there(analysis::occupancy_file)) {
    source.occupancy = read_occupancy(path(analysis::occupancy_file));
  }
  return source;
}

}  // namespace calvo::report
