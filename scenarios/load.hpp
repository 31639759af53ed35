// From a scenario file to a Scenario. docs/scenario.md says what may stand in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/yaml_tree.hpp"
#include "scenarios/derive.hpp"
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

/// Whose isolated TTFTs deadlines are multiples of. Other machines are to be held to the same
/// promise: a faster NIC would shorten the isolated TTFT, and with it the deadline.
///   own          those of the machines that the settings ask for
///   as_written   those of the scenario's own: settings below `machine_keys` do not touch deadlines
enum class DeadlineMachines : std::uint8_t { own, as_written };

/// Parts of a scenario that are about machines, and the engine's part of them (tensor_parallel).
inline constexpr std::string_view machine_keys[] = {"hardware", "topology", "memory",      "truth",
                                                    "engine",   "routing",  "every_engine"};

struct LoadOptions {
  std::vector<Setting> settings;       ///< laid over the file, in this order
  std::vector<std::string> overrides;  ///< "a.b.c=value", laid over these, in this order
  std::optional<std::uint64_t> seed;   ///< over the file's and the overrides'
  DeadlineMachines deadlines = DeadlineMachines::own;
  SearchPath search = default_search_path();
};

/// Reads, checks and resolves a scenario, its workload included. Throws InputError for everything
/// that the user can have got wrong; a part of an override is named "--set a.b.c=value" there.
Scenario load_scenario(const std::string& file, const LoadOptions& options = {});

/// The same of a text, as if it stood in `file`.
Scenario load_scenario_text(const std::string& text, const std::string& file,
                            const LoadOptions& options = {});

/// Throws what load_scenario_text() would, at a small part of its cost where workloads are alike:
/// none is made that is `known`.
WorkloadFacts check_scenario_text(const std::string& text, const std::string& file,
                                  const LoadOptions& options, KnownWorkloads& known);

/// A scenario whose every key has been read and checked, and nothing else: no workload is made and
/// no trace is read.
struct ResolvedScenario {
  std::string name;
  std::string engine;  ///< its name, with its changes
  std::uint64_t seed = 1;
  std::string yaml;  ///< as Scenario::resolved_yaml
  traces::WorkloadKind workload{};
};
ResolvedScenario resolve_scenario_text(const std::string& text, const std::string& file,
                                       const LoadOptions& options = {});

/// Every key that a scenario may have, as dotted paths, for one scenario's choices: what its reader
/// asked for. Reads the text only, no trace.
std::vector<std::string> known_keys(const std::string& text, const std::string& file,
                                    const LoadOptions& options = {});

}  // namespace calvo::scenarios
