#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/run_directory.hpp"
#include "cli/checks.hpp"
#include "cli/sweep_work.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "sweeps/values.hpp"
#include "sweeps/what_if.hpp"
#include "sweeps/what_if_report.hpp"

namespace calvo::cli {
namespace {

struct WhatIfArguments {
  std::string scenario;
  std::string engine;
  std::vector<std::string> overrides;
  int seeds = 10;
  std::string more = "25%";
  std::string only;
  int jobs = 0;  ///< 0: one a core
  std::size_t top = 10;
  std::string format = "text";
  bool json = false;
  bool quiet = false;
};

[[noreturn]] void refuse(const std::string& option, const std::string& problem) {
  throw InputError({"calvo whatif", 0, 0}, option, problem);
}

std::size_t index_of(const std::string& option, const std::string& name,
                     const std::vector<std::string_view>& names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    refuse(option, "unknown name \"" + name + "\"" + suggestion(name, names));
  }
  return static_cast<std::size_t>(found - names.begin());
}

/// "25%" is a factor of 1.25.
double factor_of(const std::string& more) {
  const auto quantity = sweeps::read_quantity(more);
  const bool percent = quantity && quantity->unit == "%";
  if (!percent || quantity->number < 1 || quantity->number > 900) {
    refuse("--more", "\"" + more + "\" is no percentage from 1% to 900%; write one like 25%");
  }
  return 1 + quantity->number / 100;
}

/// The scenario file, that of a run directory if it is one.
std::string scenario_file(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return path;
  std::string file = (std::filesystem::path(path) / analysis::scenario_file).string();
  if (!std::filesystem::exists(file)) {
    refuse(path, std::string("is no run directory: it has no ") + analysis::scenario_file +
                     "; name one, or a scenario file");
  }
  return file;
}

std::vector<sweeps::Change> changes_of(const WhatIfArguments& options,
                                       const sweeps::WrittenOut& scenario, double more) {
  const std::vector<std::string_view> names = {"resources", "engine"};
  const std::size_t only =
      options.only.empty() ? names.size() : index_of("--only", options.only, names);
  std::vector<sweeps::Change> changes;
  if (only != 1) changes = sweeps::resource_changes(scenario, more);
  if (only == 0) return changes;
  for (sweeps::Change& change : sweeps::engine_changes(scenario)) {
    changes.push_back(std::move(change));
  }
  return changes;
}

int what_if(const WhatIfArguments& options) {
  const auto format = static_cast<analysis::TableFormat>(
      index_of("--format", options.format, analysis::table_format_names()));
  const double more = factor_of(options.more);
  scenarios::LoadOptions load;
  if (!options.engine.empty()) load.overrides.push_back("engine=" + options.engine);
  load.overrides.insert(load.overrides.end(), options.overrides.begin(), options.overrides.end());
  const sweeps::WrittenOut scenario =
      sweeps::write_out_scenario(scenario_file(options.scenario), load, "calvo whatif");

  std::vector<sweeps::Change> changes = changes_of(options, scenario, more);
  std::vector<std::uint64_t> seeds;
  for (int i = 1; i <= options.seeds; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
  const sweeps::Plan plan(sweeps::what_if_sweep(scenario, changes, seeds));
  sweeps::Schedule schedule(plan);
  {
    SweepProgress progress(options.quiet ? SweepProgress::Wanted::no : SweepProgress::Wanted::yes,
                           slots_for(options.jobs));
    if (work_in_passing(schedule, options.jobs, progress)) {
      fmt::print(stderr, "calvo: interrupted; {} of {} simulations were done\n",
                 schedule.recorded(), schedule.recorded() + schedule.open());
      return interrupted;
    }
  }
  const sweeps::WhatIf result = sweeps::rank_changes(scenario, changes, schedule);
  fmt::print("{}", options.json ? sweeps::to_json(result).dump(2) + "\n"
                                : sweeps::to_text(result, format, options.top));
  return success;
}

}  // namespace

Verb add_whatif(CLI::App& program) {
  const auto options = std::make_shared<WhatIfArguments>();
  CLI::App* command = program.add_subcommand(
      "whatif", "Rank what would help most: more of each resource, each switch of the engine");
  command
      ->add_option("SCENARIO", options->scenario,
                   "scenario file, or a run directory, whose scenario is simulated again")
      ->required();
  command->add_option("--engine", options->engine, "engine instead of the scenario's")
      ->check(not_empty())
      ->type_name("NAME");
  command
      ->add_option("--set", options->overrides,
                   "change a key of the scenario first, as in calvo run; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command
      ->add_option("--seeds", options->seeds,
                   "simulations of each change, with seeds 1 to N (default 10)")
      ->check(CLI::Range(2, 1000))
      ->type_name("N");
  command->add_option("--more", options->more, "how much more of a resource (default 25%)")
      ->type_name("SHARE");
  command->add_option("--only", options->only, "resources or engine: leave the other changes out")
      ->type_name("KIND");
  command
      ->add_option("--jobs", options->jobs,
                   "simulations at the same time (default: one for each core)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command->add_option("--top", options->top, "rows of each table; 0: all (default 10)")
      ->check(CLI::Range(0, 1000000))
      ->type_name("N");
  command->add_option("--format", options->format, "text, markdown, latex or csv")
      ->type_name("NAME");
  command->add_flag("--json", options->json, "print JSON instead of a table");
  command->add_flag("--quiet", options->quiet, "show no progress");
  command->footer(
      "Simulates the scenario as it is, then again with one change at a time: 25 % more of each\n"
      "resource that it has (NICs, PCIe, GPU, memories, token budget), and each other value of "
      "each\n"
      "switch of its engine. All get the same requests, seed by seed, and the deadlines of the\n"
      "scenario as it is. Resources and switches are ranked apart, by attainment, then by mean\n"
      "TTFT, with paired 95 % intervals; * is significant after a correction for their number.\n\n"
      "A change that is worth nothing is an answer too: what is no bottleneck need not be "
      "bought.\n\n"
      "Examples:\n"
      "  calvo whatif scenarios/planted/storage_nic.yaml\n"
      "  calvo whatif runs/demo-calvo-1 --only resources --more 50%\n"
      "  calvo whatif scenarios/planted/gpu_memory.yaml --engine vllm_sync --format markdown");
  return {command, [options] { return what_if(*options); }};
}

}  // namespace calvo::cli
