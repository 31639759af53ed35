#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/comparison.hpp"
#include "analysis/text_summary.hpp"
#include "cli/checks.hpp"
#include "cli/run_many.hpp"
#include "cli/run_one.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "scenarios/load.hpp"

namespace calvo::cli {
namespace {

struct RunArguments {
  std::string scenario;
  std::vector<std::string> engines;
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> seed;
  std::string directory;
  bool force = false;
  bool quiet = false;
  bool no_timeline = false;
  bool events = false;
  int jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
};

scenarios::Scenario load(const RunArguments& options, const std::string& engine) {
  scenarios::LoadOptions load;
  if (!engine.empty()) load.overrides.push_back("engine=" + engine);
  load.overrides.insert(load.overrides.end(), options.overrides.begin(), options.overrides.end());
  if (options.no_timeline) load.overrides.emplace_back("simulation.timeline=false");
  if (options.events) load.overrides.emplace_back("simulation.event_log=true");
  load.seed = options.seed;
  return scenarios::load_scenario(options.scenario, load);
}

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

RunOneOptions run_options(const RunArguments& options, const scenarios::Scenario& scenario,
                          bool alone) {
  RunOneOptions run;
  run.command = command_line();
  run.progress = options.quiet || !alone ? ProgressLine::Wanted::no : ProgressLine::Wanted::yes;
  if (options.directory.empty()) {
    run.directory = fmt::format("runs/{}-{}-{}", plain(scenario.name), plain(scenario.engine.name),
                                scenario.seed);
    run.taken = options.force ? analysis::Taken::replace : analysis::Taken::next_free;
  } else {
    run.directory =
        alone ? options.directory : options.directory + "/" + plain(scenario.engine.name);
    run.taken = options.force ? analysis::Taken::replace : analysis::Taken::refuse;
  }
  return run;
}

int run_alone(const RunArguments& options) {
  scenarios::Scenario scenario =
      load(options, options.engines.empty() ? std::string() : options.engines.front());
  const FinishedRun run = run_one(scenario, run_options(options, scenario, true));
  if (!options.quiet && !run.directory.empty()) {
    fmt::print("{}", analysis::to_text(run.summary));
  }
  if (!run.directory.empty()) {
    fmt::print("{}{}\n", options.quiet ? "" : "run directory: ", run.directory);
  }
  return told_end(run);
}

int run_side_by_side(const RunArguments& options) {
  // All of them are read before the first is simulated: wrong input ends it here.
  std::vector<RunJob> jobs;
  for (const std::string& engine : options.engines) {
    RunJob job{load(options, engine), {}};
    job.options = run_options(options, job.scenario, false);
    jobs.push_back(std::move(job));
  }
  pass_signals_on();  // before a directory shows
  for (const RunJob& job : jobs) {
    // Complains about a directory that is taken now, not after the first run.
    const analysis::RunDirectoryWriter place(job.options.directory, job.options.taken);
  }
  const ManyRuns runs =
      run_many(jobs, options.jobs, options.quiet ? Report::nothing : Report::each_run);
  if (!options.quiet && !runs.directories.empty()) {
    std::vector<analysis::RunDirectory> results;
    for (const std::string& directory : runs.directories) {
      results.push_back(analysis::read_run_directory(directory));
    }
    fmt::print("{}\nrun directories:\n", analysis::to_text(analysis::compare(std::move(results))));
  }
  for (const std::string& directory : runs.directories) {
    fmt::print("{}{}\n", options.quiet ? "" : "  ", directory);
  }
  return runs.exit_code;
}

int run(const RunArguments& options) {
  return options.engines.size() > 1 ? run_side_by_side(options) : run_alone(options);
}

}  // namespace

Verb add_run(CLI::App& program) {
  const auto options = std::make_shared<RunArguments>();
  CLI::App* command = program.add_subcommand("run", "Simulate a scenario");
  command->add_option("SCENARIO", options->scenario, "scenario file (docs/scenario.md)")
      ->required();
  command
      ->add_option("--engine,--engines", options->engines,
                   "engine to run instead of the scenario's; several, by commas, are run side by "
                   "side and compared")
      ->delimiter(',')
      ->take_all()
      ->type_name("NAME[,NAME...]");
  command
      ->add_option("--set", options->overrides,
                   "change a key of the scenario, e.g. --set engine.cut=never; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--seed", options->seed, "seed instead of the scenario's")
      ->check(whole_number())
      ->type_name("N");
  command
      ->add_option("--out", options->directory,
                   "run directory; with several engines, the directory that holds one of each\n"
                   "(default: runs/SCENARIO-ENGINE-SEED, with a number if that is taken)")
      ->type_name("DIR");
  command->add_flag("--force", options->force, "replace the run that the directory holds");
  command->add_option("--jobs", options->jobs, "engines simulated at the same time")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  command->add_flag("--no-timeline", options->no_timeline,
                    "write no timeline.json and occupancy.csv");
  command->add_flag("--events", options->events, "write events.bin, which `calvo replay` reads");
  command->add_flag("--quiet", options->quiet, "print the run directory and nothing else");
  command->footer(
      "Writes scenario.resolved.yaml, summary.json, requests.csv, timeline.json (for\n"
      "ui.perfetto.dev), occupancy.csv and environment.json. The same scenario and seed give the\n"
      "same bytes in all of them but environment.json.\n\n"
      "Examples:\n"
      "  calvo run scenarios/examples/demo.yaml\n"
      "  calvo run scenarios/examples/demo.yaml --engine vllm_sync --set engine.network_order=edf\n"
      "  calvo run scenarios/examples/demo.yaml --engines vllm_sync,calvo_fifo,calvo --jobs 2");
  return {command, [options] { return run(*options); }};
}

}  // namespace calvo::cli
