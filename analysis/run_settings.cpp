#include "analysis/run_settings.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/run_directory.hpp"
#include "core/yaml_tree.hpp"

namespace calvo::analysis {
namespace {

using Values = std::map<std::string, std::string>;  ///< texts by dotted key

constexpr std::array<std::string_view, 7> no_settings = {"seed",
                                                         "name",
                                                         "description",
                                                         "engine.name",
                                                         "simulation.timeline",
                                                         "simulation.event_log",
                                                         "allow_unphysical"};

constexpr std::array<std::string_view, 6> from_calibration = {
    "hardware.", "engine.costs.", "topology.round_trip", "truth.", "estimates.", "simulation."};

void flatten_into(Values& values, const YamlNode& node, const std::string& path) {
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const YamlNode::Entry& entry : node.entries) {
    flatten_into(values, entry.value, below(entry.key));
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    flatten_into(values, node.items[i], below(std::to_string(i)));
  }
  if (node.kind == YamlNode::Kind::scalar &&
      std::ranges::find(no_settings, path) == no_settings.end()) {
    values[path] = node.text;
  }
}

Values settings_in(const ScenarioOrigin& run) {
  Values values;
  const std::string file = run.directory + "/" + scenario_file;
  if (std::filesystem::exists(file)) flatten_into(values, read_yaml_file(file), "");
  return values;
}

/// Runs that should agree on `key` if they are of one scenario.
std::string peers_of(const std::string& key, const ScenarioOrigin& run) {
  const bool by_driver = std::ranges::any_of(
      from_calibration, [&](const std::string_view start) { return key.starts_with(start); });
  return fmt::format("{}/{}", by_driver ? (run.real ? "real" : "sim") : "",
                     key.starts_with("engine.") ? run.engine : "");
}

/// The keys on which peers among `runs` differ.
std::set<std::string> differing_keys(const std::vector<ScenarioOrigin>& runs,
                                     const std::vector<Values>& values,
                                     const std::vector<std::size_t>& some) {
  std::set<std::string> keys;
  for (const std::size_t i : some) {
    for (const auto& [key, value] : values[i]) keys.insert(key);
  }
  std::erase_if(keys, [&](const std::string& key) {
    std::map<std::string, std::string> known;  // text by peers; "" where a run has no such key
    return std::ranges::all_of(some, [&](const std::size_t i) {
      if (values[i].empty()) return true;
      const auto found = values[i].find(key);
      const std::string text = found == values[i].end() ? "" : found->second;
      return known.try_emplace(peers_of(key, runs[i]), text).first->second == text;
    });
  });
  return keys;
}

/// "rate 4, live_sessions 64": the last word of a key is enough beside its value.
std::string in_words(const Values& differing) {
  constexpr std::size_t most = 3;
  std::vector<std::string> told;
  for (const auto& [key, value] : differing) {
    const std::string words = key.substr(key.rfind('.') + 1) + " " + value;
    if (std::ranges::find(told, words) != told.end()) continue;  // of both ends of a link
    if (told.size() == most) {
      told.emplace_back("...");
      break;
    }
    told.push_back(words);
  }
  return fmt::format("{}", fmt::join(told, ", "));
}

}  // namespace

std::vector<std::string> distinguishing_settings(const std::vector<ScenarioOrigin>& runs) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  std::vector<Values> values;
  for (const ScenarioOrigin& run : runs) {
    by_name[run.scenario].push_back(values.size());
    values.push_back(settings_in(run));
  }
  std::vector<std::string> settings(runs.size());
  for (const auto& [name, some] : by_name) {
    const std::set<std::string> keys = differing_keys(runs, values, some);
    std::map<std::string, std::vector<Values>> known;  // what each text stands for
    for (const std::size_t i : some) {
      Values differing = values[i];
      std::erase_if(differing, [&](const auto& entry) { return !keys.contains(entry.first); });
      std::string text = by_name.size() > 1 ? name : "";
      const std::string words = in_words(differing);
      if (!text.empty() && !words.empty()) text += ", ";
      text += words;
      std::vector<Values>& alike = known[text];
      const auto place = std::ranges::find(alike, differing) - alike.begin();
      if (place == std::ssize(alike)) alike.push_back(std::move(differing));
      settings[i] = place == 0 ? text : fmt::format("{} ({})", text, place + 1);
    }
  }
  return settings;
}

}  // namespace calvo::analysis
