// From a scenario file to a Scenario. docs/scenario.md says what may stand in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/yaml_tree.hpp"
#include "scenarios/expand.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/search_path.hpp"

namespace calvo::scenarios {

/// A key and the value it is to have, both somewhere in a text of the user's.
struct Setting {
  std::string key;  ///< dotted path
  YamlNode place;   ///< where the key stands; its content does not matter
  YamlNode value;
};

struct LoadOptions {
  std::vector<Setting> settings;       ///< laid over the file, in this order
  std::vector<std::string> overrides;  ///< "a.b.c=value", laid over these, in this order
  std::optional<std::uint64_t> seed;   ///< over the file's and the overrides'
  SearchPath search = default_search_path();
};

/// Reads, checks and resolves a scenario, its workload included. Throws InputError for everything
/// that the user can have got wrong; a part of an override is named "--set a.b.c=value" there.
Scenario load_scenario(const std::string& file, const LoadOptions& options = {});

/// The same of a text, as if it stood in `file`.
Scenario load_scenario_text(const std::string& text, const std::string& file,
                            const LoadOptions& options = {});

/// A scenario whose every key has been read and checked, and nothing else: no workload is made and
/// no trace is read.
struct ResolvedScenario {
  std::string name;
  std::string engine;  ///< its name, with its changes
  std::uint64_t seed = 1;
  std::string yaml;  ///< as Scenario::resolved_yaml
};
ResolvedScenario resolve_scenario_text(const std::string& text, const std::string& file,
                                       const LoadOptions& options = {});

/// Every key that a scenario may have, as dotted paths, for one scenario's choices: what its reader
/// asked for. Reads the text only, no trace.
std::vector<std::string> known_keys(const std::string& text, const std::string& file,
                                    const LoadOptions& options = {});

}  // namespace calvo::scenarios
