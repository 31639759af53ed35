#include "cli/run_one.hpp"

#include <csignal>

#include <fmt/format.h>

#include "analysis/occupancy_csv.hpp"
#include "analysis/output_file.hpp"
#include "analysis/summary_json.hpp"
#include "analysis/text_summary.hpp"
#include "analysis/timeline_json.hpp"
#include "cli/build_info.hpp"
#include "cli/guard.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "realrun/engine/realrun.hpp"
#include "sim/simulate.hpp"

namespace calvo::cli {
namespace {

volatile std::sig_atomic_t stop_wanted = 0;

void on_signal(int) {
  stop_wanted = 1;
  sim::request_stop();
  realrun::request_stop();
}

RunResult simulate(scenarios::Scenario& scenario, const RunOneOptions& options,
                   analysis::RunDirectoryWriter& directory) {
  ProgressLine line(options.progress);
  sim::SimulateOptions simulation;
  simulation.progress = [&](const sim::Progress& progress) {
    if (stop_wanted != 0) sim::request_stop();  // the signal came before there was a simulation
    line.show(progress);
  };
  EventLogFile events(directory);
  if (scenario.simulation.event_log) {
    simulation.event_log_sink = [&](std::span<const std::byte> bytes) { events.write(bytes); };
  }
  RunResult result = sim::simulate(scenario, simulation);
  events.close();
  return result;
}

analysis::RunLabels labels_of(const scenarios::Scenario& scenario) {
  return {.scenario = scenario.name,
          .engine = scenario.engine.name,
          .seed = scenario.seed,
          .warm_up = to_nanoseconds(scenario.simulation.warm_up),
          .tpot_objective = to_nanoseconds(Seconds{scenario.slo_tpot_s})};
}

}  // namespace

void listen_to_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction hang_up {};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // nohup has it ignored
}

void want_stop() {
  stop_wanted = 1;
}

bool signalled() {
  return stop_wanted != 0;
}

analysis::Environment environment_of(const std::string& command, double wall_s, double cpu_s,
                                     const RunResult& result) {
  const BuildInfo build = build_info();
  analysis::Environment environment;
  environment.command = command;
  environment.version = build.version;
  environment.git_commit = build.git_commit;
  environment.compiler = build.compiler;
  environment.build_type = build.build_type;
  environment.simgrid_version = build.simgrid_version;
  environment.host = host_name();
  environment.cpu = cpu_name();
  environment.date = utc_date();
  environment.wall_s = wall_s;
  environment.cpu_s = cpu_s;
  environment.total_cpu_s = cpu_seconds();
  environment.peak_memory_bytes = peak_memory_bytes();
  std::int64_t ended = 0;
  for (const RequestRecord& request : result.requests) {
    ended += request.outcome == Outcome::unfinished ? 0 : 1;
  }
  if (cpu_s > 0) {
    environment.requests_per_cpu_s = static_cast<double>(ended) / cpu_s;
    environment.events_per_cpu_s = static_cast<double>(result.counters.events) / cpu_s;
  }
  return environment;
}

analysis::Summary summary_of(const scenarios::Scenario& scenario, const RunResult& result) {
  return analysis::summarize(result, labels_of(scenario));
}

FinishedRun write_run(analysis::RunDirectoryWriter& directory, const scenarios::Scenario& scenario,
                      const RunResult& result, const RunStory& story) {
  const analysis::RunLabels labels = labels_of(scenario);
  FinishedRun run;
  run.summary = summary_of(scenario, result);
  run.summary.warnings.insert(run.summary.warnings.end(), story.warnings.begin(),
                              story.warnings.end());
  run.interrupted = signalled() && !run.summary.complete;
  nlohmann::ordered_json summary = analysis::to_json(run.summary);
  if (!story.load.is_null()) summary["load"] = story.load;
  const auto add = [&](const char* name, const std::string& text) {
    return directory.add(name, [&](const std::string& path) { analysis::write_file(path, text); });
  };
  // What matters most comes first: it is there if the disk fills up on the way.
  bool kept = add(analysis::summary_file, summary.dump(2) + "\n");
  kept = directory.add(analysis::requests_file, [&](const std::string& path) {
    analysis::write_requests_csv(path, result, labels);
  }) && kept;
  add(analysis::scenario_file, scenario.resolved_yaml);
  add(analysis::environment_file, analysis::to_json(story.environment).dump(2) + "\n");
  if (scenario.simulation.timeline) {
    directory.add(analysis::occupancy_file,
                  [&](const std::string& path) { analysis::write_occupancy_csv(path, result); });
    directory.add(analysis::timeline_file,
                  [&](const std::string& path) { analysis::write_timeline_json(path, result); });
  }
  if (kept) run.directory = directory.commit();
  run.unwritten = directory.problem();
  return run;
}

int told_end(const FinishedRun& run) {
  if (run.unwritten.empty()) return run.interrupted ? interrupted : success;
  if (run.directory.empty()) {
    fmt::print("{}", analysis::to_text(run.summary));  // all that is left of it
    return complain(run.unwritten + "\nno run directory could be made; its summary is above");
  }
  return complain(run.unwritten + "\nthe rest of the run is in " + run.directory);
}

EventLogFile::EventLogFile(analysis::RunDirectoryWriter& directory) : directory_(directory) {}

void EventLogFile::write(std::span<const std::byte> bytes) {
  attempt([&] {
    if (!file_) file_.emplace(directory_.file(analysis::events_file));
    file_->write(bytes);
  });
}

void EventLogFile::close() {
  if (!file_) return;
  attempt([&] { file_->close(); });
}

void EventLogFile::attempt(const std::function<void()>& work) {
  if (dropped_) return;
  try {
    work();
  } catch (const InputError& error) {
    file_.reset();
    dropped_ = true;
    directory_.drop(analysis::events_file, error);
  }
}

FinishedRun run_one(scenarios::Scenario& scenario, const RunOneOptions& options) {
  listen_to_signals();  // before the directory shows: who sees it may signal
  analysis::RunDirectoryWriter directory(options.directory, options.taken);
  const double wall_before = wall_seconds();
  const double cpu_before = cpu_seconds();
  const RunResult result = simulate(scenario, options, directory);
  const double cpu_s = cpu_seconds() - cpu_before;
  const double wall_s = wall_seconds() - wall_before;
  RunStory story;
  story.environment = environment_of(options.command, wall_s, cpu_s, result);
  story.environment.driver = "sim";
  return write_run(directory, scenario, result, story);
}

}  // namespace calvo::cli
