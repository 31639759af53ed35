#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/checks.hpp"
#include "cli/guard.hpp"
#include "cli/signals.hpp"
#include "cli/sweep_directory.hpp"
#include "cli/sweep_pool.hpp"
#include "cli/sweep_progress.hpp"
#include "cli/sweep_ranks.hpp"
#include "cli/sweep_work.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "sweeps/check_cells.hpp"
#include "sweeps/results.hpp"

namespace calvo::cli {
namespace {

using sweeps::Job;
using sweeps::Schedule;

struct SweepArguments {
  std::string sweep;
  std::string directory;
  int jobs = 0;  ///< 0: not given
  bool resume = false;
  bool force = false;
  bool quiet = false;
  bool plan_only = false;
};

std::string default_directory(const sweeps::Plan& plan) {
  return "sweeps/" + plan.file().name;
}

std::string resume_command(const SweepArguments& options, const SweepDirectory& directory) {
  return fmt::format("calvo sweep {} --out {} --resume", options.sweep, directory.path());
}

void tell_failures(const Schedule& schedule, const SweepDirectory& directory) {
  const auto index = sweeps::index_of(schedule);
  constexpr std::size_t most = 3;
  for (std::size_t i = 0; i < std::min(most, index["failed"].size()); ++i) {
    const auto& failed = index["failed"][i];
    fmt::print(stderr, "calvo: {}: {}\n", failed["name"].get<std::string>(),
               failed["error"].get<std::string>());
  }
  fmt::print(stderr, "calvo: {} of {} points failed; what they said is in {}/failed\n",
             schedule.failed(), schedule.recorded(), directory.path());
}

int report(const SweepArguments& options, const Schedule& schedule, const SweepDirectory& directory,
           const Ended& ended) {
  if (!ended.unwritable.empty()) {
    complain(fmt::format("{}\n{} points are safe; when there is room again, go on with\n  {}",
                         ended.unwritable, schedule.recorded() - schedule.failed(),
                         resume_command(options, directory)));
    return bad_input;
  }
  if (ended.interrupted) {
    fmt::print(stderr, "calvo: interrupted; {} of {} points are done; go on with\n  {}\n",
               schedule.recorded() - schedule.failed(), schedule.recorded() + schedule.open(),
               resume_command(options, directory));
    return interrupted;
  }
  if (!options.quiet) fmt::print("{}\n", sweeps::text_of(schedule));
  fmt::print("{}{}\n", options.quiet ? "" : "sweep directory: ", directory.path());
  std::fflush(stdout);
  if (schedule.failed() == 0) return success;
  tell_failures(schedule, directory);
  return failure;
}

int print_plan(const sweeps::Plan& plan) {
  for (const sweeps::Cell& cell : plan.grid()) fmt::print("{}  {}\n", cell.id, cell.name);
  const auto& search = plan.file().goodput.search;
  for (const sweeps::RateGroup& group : plan.groups()) {
    if (search) {
      fmt::print("search        {}, {} {} {} to {} {}\n", group.engine, plan.rate_key(),
                 search->from, search->unit, search->to, search->unit);
    }
  }
  fmt::print("{} cells, {} seeds, {} points{}\n", plan.grid().size(), plan.seeds().size(),
             plan.grid().size() * plan.seeds().size(), search ? " and the searches" : "");
  return success;
}

int lead(const SweepArguments& options, const sweeps::Plan& plan, Ranks* ranks) {
  const double started = wall_seconds();
  SweepDirectory directory(options.directory.empty() ? default_directory(plan) : options.directory,
                           plan,
                           options.force    ? SweepDirectory::Begun::replace
                           : options.resume ? SweepDirectory::Begun::resume
                                            : SweepDirectory::Begun::refuse);
  const std::unique_ptr<PointPool> pool =
      ranks != nullptr
          ? ranks->pool(plan, directory.points(), std::max(1, options.jobs))
          : std::make_unique<LocalPool>(plan, directory.points(), slots_for(options.jobs));
  Schedule schedule(plan);
  Ended ended;
  {
    SweepProgress progress(options.quiet ? SweepProgress::Wanted::no : SweepProgress::Wanted::yes,
                           pool->slots());
    const PointRecords records{
        [&](const std::string& point) { return directory.find(point); },
        [&](const Job& job, const std::string& text) { directory.add_failure(job, text); }};
    ended = work(schedule, records, *pool, progress);
    pool->abandon();
  }
  nlohmann::ordered_json environment;
  environment["command"] = command_line();
  environment["program"] = version_text();
  environment["host"] = host_name();
  environment["cpu"] = cpu_name();
  environment["date"] = utc_date();
  environment["slots"] = pool->slots();
  environment["wall_s"] = wall_seconds() - started;
  if (ended.unwritable.empty()) directory.write_tables(schedule, environment);
  return report(options, schedule, directory, ended);
}

int sweep(const SweepArguments& options) {
  const std::unique_ptr<Ranks> ranks = Ranks::join();
  const auto run = [&]() -> int {
    const sweeps::Plan plan(sweeps::read_sweep_file(options.sweep));
    sweeps::check_cells(plan);
    if (options.plan_only) return print_plan(plan);
    return lead(options, plan, ranks.get());
  };
  if (!ranks) return run();
  return ranks->run(
      run, [&] { return sweeps::Plan(sweeps::read_sweep_file(options.sweep)); }, options.jobs);
}

}  // namespace

Verb add_sweep(CLI::App& program) {
  const auto options = std::make_shared<SweepArguments>();
  CLI::App* command =
      program.add_subcommand("sweep", "Simulate a scenario many times and compare engines");
  command->add_option("SWEEP", options->sweep, "sweep file (docs/sweep.md)")->required();
  command->add_option("--out", options->directory, "sweep directory (default: sweeps/NAME)")
      ->check(not_empty())
      ->type_name("DIR");
  command
      ->add_option("--jobs", options->jobs,
                   "points simulated at the same time (default: one for each core; under mpirun, "
                   "one for each rank)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  CLI::Option* resume =
      command->add_flag("--resume", options->resume, "go on with what the directory holds");
  command->add_flag("--force", options->force, "begin anew where the directory holds a sweep")
      ->excludes(resume);
  command->add_flag("--plan", options->plan_only, "print the cells and simulate nothing");
  command->add_flag("--quiet", options->quiet, "print the sweep directory and nothing else");
  command->footer(
      "Writes sweep.csv (a row a point), sweep.json (means, intervals, rates found) and points/.\n"
      "The same sweep file gives the same bytes, whatever the jobs. Ctrl-C and a kill lose the\n"
      "points in flight and no other: --resume goes on. A point that fails is told, and the rest\n"
      "goes on; the exit code is 1 then.\n\n"
      "Examples:\n"
      "  calvo sweep scenarios/sweeps/demo.yaml\n"
      "  calvo sweep scenarios/sweeps/demo.yaml --jobs 4 --out sweeps/demo --resume\n"
      "  mpirun -n 4 calvo sweep scenarios/sweeps/demo.yaml");
  return {command, [options] { return sweep(*options); }};
}

}  // namespace calvo::cli
