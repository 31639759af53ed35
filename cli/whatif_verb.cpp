#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/run_directory.hpp"
#include "cli/checks.hpp"
#include "cli/search_work.hpp"
#include "cli/signals.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "sweeps/set_arguments.hpp"
#include "sweeps/values.hpp"
#include "sweeps/what_if_report.hpp"

namespace calvo::cli {
namespace {

struct WhatIfArguments {
  SearchOptions search;
  std::vector<std::string> overrides;
  std::string more = "25%";
  std::string only;
  std::size_t top = 10;
};

constexpr std::string_view kinds[] = {"resources", "engine"};

[[noreturn]] void refuse(const std::string& option, const std::string& problem) {
  throw InputError({"calvo whatif", 0, 0}, option, problem);
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
  std::vector<sweeps::Change> changes;
  if (options.only != kinds[1]) changes = sweeps::resource_changes(scenario, more);
  if (options.only == kinds[0]) return changes;
  for (sweeps::Change& change : sweeps::engine_changes(scenario)) {
    changes.push_back(std::move(change));
  }
  return changes;
}

int what_if(const WhatIfArguments& options) {
  hold_signals();
  const SearchOptions& search = options.search;
  const analysis::TableFormat format = table_format_of("calvo whatif", search.format);
  const double more = factor_of(options.more);
  if (!options.only.empty()) index_of_name("calvo whatif", "--only", "kind", options.only, kinds);
  scenarios::LoadOptions load;
  if (!search.engine.empty()) load.overrides.push_back("engine=" + search.engine);
  load.overrides.insert(load.overrides.end(), options.overrides.begin(), options.overrides.end());
  const sweeps::WrittenOut scenario =
      sweeps::write_out_scenario(scenario_file(search.scenario), load, "calvo whatif");

  std::vector<sweeps::Change> changes = changes_of(options, scenario, more);
  const sweeps::Plan plan(sweeps::what_if_sweep(scenario, changes, seeds_of(search)));
  for (sweeps::Change& change : changes) {
    change.set = sweeps::set_arguments(scenario, change);
    change.run = sweeps::run_command(scenario, change, plan.seeds().front());
  }
  sweeps::Schedule schedule(plan);
  SearchWork work(search, plan.file());
  if (work.run(schedule)) {
    return work.told_interruption(fmt::format("{} of {} simulations were done", schedule.recorded(),
                                              schedule.recorded() + schedule.open()));
  }
  const sweeps::WhatIf result = sweeps::rank_changes(scenario, changes, schedule);
  fmt::print("{}", search.json ? sweeps::to_json(result).dump(2) + "\n"
                               : sweeps::to_text(result, format, options.top));
  return success;
}

}  // namespace

Verb add_whatif(CLI::App& program) {
  const auto options = std::make_shared<WhatIfArguments>();
  options->search.seeds = 10;
  CLI::App* command = program.add_subcommand(
      "whatif", "Rank what would help most: more of each resource, each switch of the engine");
  command
      ->add_option("SCENARIO", options->search.scenario,
                   "scenario file, or a run directory, whose scenario is simulated again")
      ->required();
  command
      ->add_option("--set", options->overrides,
                   "change a key of the scenario first, as in calvo run; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--more", options->more, "how much more of a resource (default 25%)")
      ->type_name("SHARE");
  command->add_option("--only", options->only, "resources or engine: leave the other changes out")
      ->type_name("KIND");
  command->add_option("--top", options->top, "rows of each table; 0: all (default 10)")
      ->check(CLI::Range(0, 1000000))
      ->type_name("N");
  add_search_options(*command, options->search, "change");
  command->footer(
      "Simulates the scenario as it is, then again with one change at a time: 25 % more of each\n"
      "resource that it has (NICs, PCIe, GPU, memories, token budget), and each other value of "
      "each\n"
      "switch of its engine. All get the same requests, seed by seed, and the deadlines of the\n"
      "scenario as it is. Resources and switches are ranked apart, by attainment, then by mean\n"
      "TTFT, with paired 95 % intervals; * is significant after a correction for their number.\n\n"
      "A change that is worth nothing is an answer too: what is no bottleneck need not be "
      "bought.\n\n"
      "Ctrl-C loses what was simulated, unless --out keeps it for --resume.\n\n"
      "Examples:\n"
      "  calvo whatif scenarios/planted/storage_nic.yaml\n"
      "  calvo whatif runs/demo-calvo-1 --only resources --more 50%\n"
      "  calvo whatif scenarios/planted/gpu_memory.yaml --engine vllm_sync --format markdown");
  return {command, [options] { return what_if(*options); }};
}

}  // namespace calvo::cli
