#include "sweeps/set_arguments.hpp"

#include <algorithm>
#include <utility>

#include "sweeps/tree_path.hpp"
#include "sweeps/values.hpp"

namespace calvo::sweeps {
namespace {

std::string without_last_step(const std::string& path) {
  return path.substr(0, path.rfind('.'));
}

/// The path up to the first list on it, and `up` steps less than that, but one at least.
std::string settable(const YamlNode& tree, std::string path, int up) {
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
    const YamlNode* node = node_at(tree, path.substr(0, dot));
    if (node == nullptr || node->kind != YamlNode::Kind::list) continue;
    path.resize(dot);
    break;
  }
  for (; up > 0 && path.find('.') != std::string::npos; --up) path = without_last_step(path);
  return path;
}

bool is_below(const std::string& path, const std::string& above) {
  return path.starts_with(above + ".");
}

/// What the change comes to, as values of whole paths `up` steps above its keys.
std::vector<std::string> arguments(const YamlNode& changed, const Change& change, int up) {
  std::vector<std::string> paths;
  for (const scenarios::Setting& setting : change.settings) {
    std::string path = settable(changed, setting.key, up);
    if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
  }
  const std::vector<std::string> all = paths;
  std::erase_if(paths, [&](const std::string& path) {
    return std::ranges::any_of(all, [&](const auto& other) { return is_below(path, other); });
  });
  for (std::string& path : paths) path += "=" + one_line(*node_at(changed, path));
  return paths;
}

std::string resolved(const std::string& text, const std::string& file,
                     scenarios::LoadOptions options) {
  options.overrides.emplace_back("engine.name=any");  // it tells how the engine was written
  return scenarios::resolve_scenario_text(text, file, options).yaml;
}

/// In quotes if a shell would read it otherwise.
std::string word(const std::string& text) {
  const auto plain = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
           std::string_view("_./=+:,@%-").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::vector<std::string> set_arguments(const WrittenOut& scenario, const Change& change,
                                       const scenarios::SearchPath& search) {
  scenarios::LoadOptions wanted;
  wanted.search = search;
  wanted.settings = change.settings;
  const std::string target = resolved(scenario.yaml, scenario.file, wanted);
  YamlNode changed = scenario.tree;
  std::size_t deepest = 0;
  for (const scenarios::Setting& setting : change.settings) {
    apply_value(changed, setting.key, setting.value, setting.place);
    deepest = std::max<std::size_t>(deepest, std::ranges::count(setting.key, '.'));
  }
  for (int up = 0; up <= static_cast<int>(deepest); ++up) {
    std::vector<std::string> tried = arguments(changed, change, up);
    scenarios::LoadOptions options;
    options.search = search;
    options.overrides = scenario.overrides;
    options.overrides.insert(options.overrides.end(), tried.begin(), tried.end());
    try {
      if (resolved(scenario.text, scenario.file, options) == target) return tried;
    } catch (const InputError&) {  // a key whose mapping the file does not spell out
    }
  }
  return {};
}

std::string run_command(const WrittenOut& scenario, const Change& change, std::uint64_t seed) {
  if (change.set.empty()) return "";
  std::string command = "calvo run " + word(scenario.file) + " --seed " + std::to_string(seed);
  for (const auto* list : {&scenario.overrides, &change.set}) {
    for (const std::string& argument : *list) command += " --set " + word(argument);
  }
  return command;
}

}  // namespace calvo::sweeps
