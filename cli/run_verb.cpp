#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/comparison.hpp"
#include "analysis/text_summary.hpp"
#include "cli/run_flags.hpp"
#include "cli/run_many.hpp"
#include "cli/run_one.hpp"
#include "cli/verb.hpp"

namespace calvo::cli {
namespace {

struct RunArguments : RunFlags {
  int jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
};

const RunKind simulated{"run side by side and compared", ""};

RunOneOptions run_options(const RunArguments& options, const scenarios::Scenario& scenario,
                          bool alone) {
  RunOneOptions run = place_of_run(options, simulated, scenario, alone);
  run.progress = options.quiet || !alone ? ProgressLine::Wanted::no : ProgressLine::Wanted::yes;
  return run;
}

int run_alone(const RunArguments& options) {
  scenarios::Scenario scenario =
      load_scenario(options, options.engines.empty() ? std::string() : options.engines.front());
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
  std::vector<std::string> names;
  for (const std::string& engine : options.engines) {
    RunJob job{load_scenario(options, engine), {}};
    names.push_back(job.scenario.engine.name);
    job.options = run_options(options, job.scenario, false);
    jobs.push_back(std::move(job));
  }
  refuse_engines_named_twice(std::move(names));
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
  add_run_flags(*command, *options, simulated);
  command->add_option("--jobs", options->jobs, "engines simulated at the same time")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
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
