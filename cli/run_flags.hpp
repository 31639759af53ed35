// What `calvo run` and `calvo realrun` are both told: which scenario, how changed, and where to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/run_one.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::cli {

struct RunFlags {
  std::string scenario;
  std::vector<std::string> engines;  ///< none: the scenario's
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> seed;
  std::string directory;
  bool force = false;
  bool quiet = false;
  bool no_timeline = false;
  bool events = false;
};

/// How a verb's runs differ from another's.
struct RunKind {
  std::string several;  ///< what becomes of several engines: "run side by side and compared"
  std::string suffix;   ///< of a run directory's name
};

/// Adds them to `command`. `flags` outlives it.
void add_run_flags(CLI::App& command, RunFlags& flags, const RunKind& kind);

/// Throws InputError. `engine`: instead of the scenario's; empty: the scenario's.
scenarios::Scenario load_scenario(const RunFlags& flags, const std::string& engine);

/// Throws InputError if one of `engines`, names as scenarios resolve them, is there twice: results
/// would have one name and one place.
void refuse_engines_named_twice(std::vector<std::string> engines);

/// Where a run goes: runs/SCENARIO-ENGINE-SEED and so on, or what --out says, which holds a
/// directory ENGINE for each of several runs. `part` goes behind the engine: one of its repeats.
RunOneOptions place_of_run(const RunFlags& flags, const RunKind& kind,
                           const scenarios::Scenario& scenario, bool alone,
                           const std::string& part = "");

}  // namespace calvo::cli
