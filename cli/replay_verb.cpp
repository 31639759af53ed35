#include <memory>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "analysis/run_directory.hpp"
#include "cli/verb.hpp"
#include "control/event_log.hpp"
#include "core/input_error.hpp"
#include "core/text_file.hpp"
#include "scenarios/load.hpp"

namespace calvo::cli {
namespace {

std::string read_log(const std::string& file) {
  auto log = read_file(file);
  if (!log) throw InputError({file, 0, 0}, "", "no such file; run the scenario with --events");
  return *std::move(log);
}

int replay(const std::string& directory) {
  const std::string file = directory + "/" + analysis::events_file;
  const std::string log = read_log(file);
  analysis::read_run_directory(directory);  // refuses what another version wrote
  const scenarios::Scenario scenario =
      scenarios::load_scenario(directory + "/" + analysis::scenario_file);
  const models::TopologySpec& topology = scenario.topology;
  const control::ReplayReport report = control::replay(
      std::as_bytes(std::span(log)), file, scenario.engine, scenario.instance,
      topology.serving_nodes * topology.instances_per_node, scenario.routing, *scenario.estimates);
  if (!report.difference) {
    fmt::print("{} batches, {} events: identical commands\n", report.batches, report.events);
    return success;
  }
  const control::ReplayDifference& difference = *report.difference;
  const std::string reducer = difference.reducer == control::router_index
                                  ? "the router"
                                  : fmt::format("instance {}", difference.reducer);
  fmt::print("the commands differ, first in batch {}: {} at {:.9f} s\n", difference.batch, reducer,
             seconds_of(difference.date));
  return failure;
}

}  // namespace

Verb add_replay(CLI::App& program) {
  const auto directory = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand(
      "replay", "Give a run's events to a fresh control plane: are its commands the same?");
  command->add_option("RUNDIR", *directory, "run directory with an events.bin")->required();
  command->footer(
      "Exit code 0 if every command is the same, 1 if not.\n\n"
      "Example:\n"
      "  calvo run scenarios/examples/demo.yaml --events --out runs/recorded\n"
      "  calvo replay runs/recorded");
  return {command, [directory] { return replay(*directory); }};
}

}  // namespace calvo::cli
