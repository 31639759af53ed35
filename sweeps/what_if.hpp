// What-if: the changes of a scenario whose worth is to be known, one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/yaml_tree.hpp"
#include "scenarios/load.hpp"
#include "sweeps/sweep_file.hpp"

namespace calvo::sweeps {

/// `resource`: more of something that is bought or granted. `engine`: another way to use it.
enum class ChangeKind : std::uint8_t { resource, engine };
std::string_view name_of(ChangeKind kind);

/// One change of a scenario.
struct Change {
  ChangeKind kind = ChangeKind::resource;
  std::string name;                          ///< "storage NIC +25 %", "cut: never"
  std::string detail;                        ///< "bandwidth 12.1 GB/s -> 15.125 GB/s", "was block"
  std::vector<scenarios::Setting> settings;  ///< over the scenario that is written out
  std::vector<std::string> set;              ///< arguments of --set that make it of the user's file
  std::string run;  ///< the command that simulates it; both by set_arguments.hpp
};

/// A scenario with everything that it asks for written out: a change of one key is then that
/// change and no other (a NIC of a name has more keys than its bandwidth).
struct WrittenOut {
  std::string name;
  std::string engine;
  std::string file;  ///< as the user named it; what it names is looked for beside it
  std::string yaml;
  YamlNode tree;
  std::string text;                    ///< of the file
  std::vector<std::string> overrides;  ///< that were laid over it
};

/// Reads and checks the scenario `file`. Throws InputError, also if it has no objective, which
/// `verb` ("calvo whatif") needs.
WrittenOut write_out_scenario(const std::string& file, const scenarios::LoadOptions& options,
                              const std::string& verb);

/// Each resource that the scenario has, with `more` times as much of it (above 1): bandwidths,
/// compute, memory sizes, token budgets; latencies and the engine's own costs divided by it.
std::vector<Change> resource_changes(const WrittenOut& scenario, double more);

/// Each other value of each switch of the engine; windows and counts halved, doubled, unbounded.
std::vector<Change> engine_changes(const WrittenOut& scenario);

/// The scenario as it is, then each of `changes`, as cells of one sweep in this order. Changes that
/// the scenario refuses, or that change nothing, are left out of `changes` too. Deadlines stay
/// those of the scenario as it is. Requires: seeds.
SweepFile what_if_sweep(const WrittenOut& scenario, std::vector<Change>& changes,
                        const std::vector<std::uint64_t>& seeds,
                        const scenarios::SearchPath& search = scenarios::default_search_path());

}  // namespace calvo::sweeps
