#include "cli/run_flags.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/checks.hpp"
#include "cli/usage.hpp"
#include "core/input_error.hpp"
#include "scenarios/load.hpp"

namespace calvo::cli {
namespace {

/// A name without characters that mean something to a shell or a file system.
std::string plain(std::string name) {
  std::ranges::replace_if(
      name,
      [](char c) {
        return !(('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                 c == '.' || c == '_' || c == '-' || c == '+');
      },
      '_');
  return name;
}

}  // namespace

void add_run_flags(CLI::App& command, RunFlags& flags, const RunKind& kind) {
  command.add_option("SCENARIO", flags.scenario, "scenario file (docs/scenario.md)")->required();
  command
      .add_option(
          "--engine,--engines", flags.engines,
          "engine to run instead of the scenario's; several, by commas, are " + kind.several)
      ->delimiter(',')
      ->take_all()
      ->type_name("NAME[,NAME...]");
  command
      .add_option("--set", flags.overrides,
                  "change a key of the scenario, e.g. --set engine.cut=never; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command.add_option("--seed", flags.seed, "seed instead of the scenario's")
      ->check(whole_number())
      ->type_name("N");
  command
      .add_option("--out", flags.directory,
                  fmt::format("run directory; with several runs, the directory that holds one of "
                              "each\n(default: runs/SCENARIO-ENGINE-SEED{}, with a number if that "
                              "is taken)",
                              kind.suffix))
      ->type_name("DIR");
  command.add_flag("--force", flags.force, "replace the run that the directory holds");
  command.add_flag("--no-timeline", flags.no_timeline, "write no timeline.json and occupancy.csv");
  command.add_flag("--events", flags.events, "write events.bin, which `calvo replay` reads");
  command.add_flag("--quiet", flags.quiet, "print the run directory and nothing else");
}

scenarios::Scenario load_scenario(const RunFlags& flags, const std::string& engine) {
  scenarios::LoadOptions load;
  if (!engine.empty()) load.overrides.push_back("engine=" + engine);
  load.overrides.insert(load.overrides.end(), flags.overrides.begin(), flags.overrides.end());
  if (flags.no_timeline) load.overrides.emplace_back("simulation.timeline=false");
  if (flags.events) load.overrides.emplace_back("simulation.event_log=true");
  load.seed = flags.seed;
  return scenarios::load_scenario(flags.scenario, load);
}

void refuse_engines_named_twice(std::vector<std::string> engines) {
  std::ranges::sort(engines);
  const auto twice = std::ranges::adjacent_find(engines);
  if (twice == engines.end()) return;
  throw InputError({"--engines", 1, 1}, "",
                   fmt::format("\"{}\" is there twice; name each engine once", *twice));
}

RunOneOptions place_of_run(const RunFlags& flags, const RunKind& kind,
                           const scenarios::Scenario& scenario, bool alone,
                           const std::string& part) {
  RunOneOptions run;
  run.command = command_line();
  const std::string name = plain(scenario.engine.name) + part;
  if (flags.directory.empty()) {
    run.directory =
        fmt::format("runs/{}-{}-{}{}", plain(scenario.name), name, scenario.seed, kind.suffix);
    run.taken = flags.force ? analysis::Taken::replace : analysis::Taken::next_free;
  } else {
    run.directory = alone ? flags.directory : flags.directory + "/" + name;
    run.taken = flags.force ? analysis::Taken::replace : analysis::Taken::refuse;
  }
  return run;
}

}  // namespace calvo::cli
