#include "cli/sweep_point.hpp"

#include <optional>

#include "analysis/occupancy_csv.hpp"
#include "analysis/output_file.hpp"
#include "analysis/run_directory.hpp"
#include "analysis/summary_json.hpp"
#include "analysis/timeline_json.hpp"
#include "cli/run_one.hpp"
#include "cli/usage.hpp"
#include "sim/simulate.hpp"

namespace calvo::cli {

std::string run_point(const sweeps::Plan& plan, const sweeps::Job& job,
                      const std::string& directory) {
  const sweeps::SweepFile& file = plan.file();
  scenarios::Scenario scenario = scenarios::load_scenario_text(
      file.scenario_text, file.scenario_path, plan.load_options(*job.cell, job.seed));
  analysis::RunDirectoryWriter place(directory, analysis::Taken::refuse);

  std::optional<analysis::OutputFile> events;
  sim::SimulateOptions options;
  scenario.simulation.timeline = file.keep.timeline;
  scenario.simulation.event_log = file.keep.events;
  if (file.keep.events) {
    events.emplace(place.file(analysis::events_file));
    options.event_log_sink = [&](std::span<const std::byte> bytes) { events->write(bytes); };
  }
  const double wall_before = wall_seconds();
  const double cpu_before = cpu_seconds();
  const RunResult result = sim::simulate(scenario, options);
  const double cpu_s = cpu_seconds() - cpu_before;
  const double wall_s = wall_seconds() - wall_before;

  const analysis::Summary summary = summary_of(scenario, result);
  std::string text = analysis::to_json(summary).dump(2) + "\n";
  if (events) events->close();
  analysis::write_file(place.file(analysis::summary_file), text);
  if (file.keep.requests) {
    analysis::write_requests_csv(place.file(analysis::requests_file), result, summary.labels);
  }
  if (file.keep.scenario) {
    analysis::write_file(place.file(analysis::scenario_file), scenario.resolved_yaml);
  }
  if (file.keep.timeline) {
    analysis::write_timeline_json(place.file(analysis::timeline_file), result);
    analysis::write_occupancy_csv(place.file(analysis::occupancy_file), result);
  }
  if (file.keep.environment) {
    analysis::Environment environment = environment_of(command_line(), wall_s, cpu_s, result);
    environment.driver = "sim";
    analysis::write_file(place.file(analysis::environment_file),
                         analysis::to_json(environment).dump(2) + "\n");
  }
  place.commit();
  return text;
}

}  // namespace calvo::cli
