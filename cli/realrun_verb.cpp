#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/comparison.hpp"
#include "analysis/output_file.hpp"
#include "analysis/text_summary.hpp"
#include "cli/checks.hpp"
#include "cli/hardware_flags.hpp"
#include "cli/load_report.hpp"
#include "cli/run_flags.hpp"
#include "cli/run_one.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "core/random.hpp"
#include "realrun/engine/local_nodes.hpp"
#include "realrun/engine/realrun.hpp"

namespace calvo::cli {
namespace {

struct RealrunArguments : RunFlags {
  int repeats = 1;

  HardwareFlags hardware;
  std::vector<std::string> faults;
  std::string transfer_limit = "2 s";
  int rails = 1;
  bool no_verify = false;
  bool canaries = false;
  std::optional<std::uint16_t> metrics_port;
};

Seconds transfer_limit(const std::string& text) {
  try {
    return parse_as<Seconds>(text);
  } catch (const std::invalid_argument& error) {
    throw InputError({"--transfer-limit", 1, 1}, "", error.what());
  }
}

realrun::RealrunOptions engine_options(const RealrunArguments& options) {
  realrun::RealrunOptions run = realrun_options(options.hardware);
  run.verify = !options.no_verify;
  run.canaries = options.canaries;
  run.transfer_limit = to_nanoseconds(transfer_limit(options.transfer_limit));
  run.rails = options.rails;
  run.metrics_port = options.metrics_port;
  return run;
}

realrun::LocalNodeOptions local_nodes(const RealrunArguments& options,
                                      const scenarios::Scenario& scenario) {
  realrun::LocalNodeOptions nodes = local_node_options(options.hardware, scenario);
  if (options.faults.size() > static_cast<std::size_t>(scenario.instance.storage_nodes)) {
    throw InputError({"--faults", 0, 0}, "",
                     fmt::format("{} scripts for {} storage nodes; give one for each at most",
                                 options.faults.size(), scenario.instance.storage_nodes));
  }
  for (const std::string& script : options.faults) {
    nodes.faults.push_back(realrun::parse_fault_script(script, "--faults"));
  }
  return nodes;
}

/// One run of one engine.
struct Job {
  std::string engine;  ///< empty: the scenario's
  int repeat = 1;
};

/// Engines side by side in each repeat, in an order of its own, so that what drifts touches all.
std::vector<Job> plan(const RealrunArguments& options) {
  const std::vector<std::string> engines =
      options.engines.empty() ? std::vector<std::string>{""} : options.engines;
  std::vector<Job> jobs;
  for (int repeat = 1; repeat <= options.repeats; ++repeat) {
    std::vector<std::string> order = engines;
    Random random(options.seed.value_or(1), static_cast<std::uint64_t>(repeat));
    for (std::size_t i = order.size(); repeat > 1 && i > 1; --i) {
      std::swap(order[i - 1], order[random.below(i)]);
    }
    for (const std::string& engine : order) jobs.push_back({engine, repeat});
  }
  return jobs;
}

const RunKind real{"run one after the other and compared", "-real"};

RunOneOptions place_of(const RealrunArguments& options, const scenarios::Scenario& scenario,
                       const Job& job) {
  const bool repeated = options.repeats > 1;
  RunOneOptions run =
      place_of_run(options, real, scenario, options.engines.size() <= 1 && !repeated,
                   repeated ? fmt::format("-r{}", job.repeat) : std::string());
  run.progress = options.quiet ? ProgressLine::Wanted::no : ProgressLine::Wanted::yes;
  return run;
}

struct Finished {
  FinishedRun run;
  realrun::LoadReport load;
};

Finished run_job(const RealrunArguments& options, const Job& job) {
  scenarios::Scenario scenario = load_scenario(options, job.engine);
  realrun::RealrunOptions engine = engine_options(options);
  const RunOneOptions place = place_of(options, scenario, job);
  analysis::RunDirectoryWriter directory(place.directory, place.taken);

  if (!engine.nodes.empty() && !options.faults.empty()) {
    throw InputError({"--faults", 0, 0}, "",
                     "is for nodes that are started here, and --node names others; give it to them "
                     "(calvo kvnode --faults)");
  }
  std::optional<realrun::LocalNodes> local;
  if (engine.nodes.empty() && scenario.instance.storage_nodes > 0) {
    local.emplace(scenario, local_nodes(options, scenario));
    engine.nodes = local->endpoints();
    engine.key = local->key();
  }
  EventLogFile events(directory);
  if (scenario.simulation.event_log) {
    engine.event_log_sink = [&](std::span<const std::byte> bytes) { events.write(bytes); };
  }
  const double wall_before = wall_seconds();
  const double cpu_before = cpu_seconds();
  realrun::RealrunResult result;
  {
    ProgressLine line(place.progress, "run");
    engine.progress = [&](std::int64_t ended, std::int64_t total, double seconds) {
      line.show({ended, total, seconds});
    };
    engine.complain = [](const std::string& text) { fmt::print(stderr, "calvo: {}\n", text); };
    result = realrun::realrun(scenario, engine);
  }
  events.close();
  if (local) {
    const realrun::LocalNodes::Ended nodes = local->stop();
    result.run.counters.remote_evictions = static_cast<std::int64_t>(nodes.counters.evicted_blocks);
    for (const std::string& line : nodes.complaints) {
      engine.complain(line);
      result.load.complaints.push_back(line);
    }
  }
  RunStory story;
  story.environment = environment_of(place.command, wall_seconds() - wall_before,
                                     cpu_seconds() - cpu_before, result.run);
  story.environment.driver = "realrun";
  story.environment.fabric = options.hardware.fabric;
  story.environment.device = options.hardware.device;
  result.load.faults = options.faults;
  story.load = to_json(result.load);
  story.warnings = load_warnings(result.load, summary_of(scenario, result.run));
  return {write_run(directory, scenario, result.run, story), std::move(result.load)};
}

int run_for_real(const RealrunArguments& options) {
  listen_to_signals();  // before a directory shows: who sees it may signal
  const std::vector<Job> jobs = plan(options);
  // All of them are read, and their places looked at, before the first is run.
  std::vector<std::string> names;
  for (const Job& job : jobs) {
    if (jobs.size() == 1 || job.repeat > 1) continue;
    const scenarios::Scenario scenario = load_scenario(options, job.engine);
    names.push_back(scenario.engine.name);
    const RunOneOptions place = place_of(options, scenario, job);
    const analysis::RunDirectoryWriter taken(place.directory, place.taken);
  }
  refuse_engines_named_twice(std::move(names));
  std::vector<std::string> directories;
  bool stopped = false;
  int exit_code = success;
  for (const Job& job : jobs) {
    if (stopped || signalled()) break;
    const Finished finished = run_job(options, job);
    stopped = finished.run.interrupted;
    exit_code = std::max(exit_code, told_end(finished.run));
    if (finished.run.directory.empty()) continue;
    directories.push_back(finished.run.directory);
    if (!options.quiet && jobs.size() == 1) {
      fmt::print("{}{}", analysis::to_text(finished.run.summary), to_text(finished.load));
    } else if (!options.quiet) {
      fmt::print(stderr, "{}: {}\n", finished.run.directory, stopped ? "interrupted" : "done");
    }
  }
  if (!options.quiet && directories.size() > 1) {
    std::vector<analysis::RunDirectory> results;
    results.reserve(directories.size());
    for (const std::string& directory : directories) {
      results.push_back(analysis::read_run_directory(directory));
    }
    fmt::print("{}\nrun directories:\n", analysis::to_text(analysis::compare(std::move(results))));
  } else if (!options.quiet && !directories.empty()) {
    fmt::print("run directory: ");
  }
  for (const std::string& directory : directories) {
    fmt::print("{}{}\n", options.quiet || directories.size() == 1 ? "" : "  ", directory);
  }
  return stopped || signalled() ? interrupted : exit_code;
}

void add_real_options(CLI::App& command, RealrunArguments& options) {
  add_hardware_flags(command, options.hardware);
  CLI::App* network = command.add_option_group("Network");
  network
      ->add_option(
          "--faults", options.faults,
          "what goes wrong on a node that is started here, e.g. corrupt@1s..3s:0.1,die@5s; "
          "the first is for node 0, and so on")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("SCRIPT");
  network->add_option("--rails", options.rails, "connections, and threads for them, to each node")
      ->check(CLI::Range(1, 16))
      ->type_name("N");
  network
      ->add_option("--transfer-limit", options.transfer_limit,
                   "a node of which no block lands, or no answer comes, for so long is lost until "
                   "it answers again; give more than one block takes on its link")
      ->capture_default_str()
      ->type_name("TIME");
  CLI::App* checks = command.add_option_group("Checks");
  checks->add_flag("--no-verify", options.no_verify, "use blocks without looking at checksums");
  checks->add_flag("--canaries", options.canaries,
                   "look for writes outside the slots that a transfer owns");
  checks
      ->add_option("--metrics-port", options.metrics_port,
                   "serve Prometheus metrics of the run on loopback; 0: any port")
      ->check(port_number())
      ->type_name("N");
}

}  // namespace

Verb add_realrun(CLI::App& program) {
  const auto options = std::make_shared<RealrunArguments>();
  CLI::App* command = program.add_subcommand(
      "realrun", "Run a scenario for real: sockets or RDMA, copies, arithmetic");
  add_run_flags(*command, *options, real);
  command->add_option("--repeats", options->repeats, "runs of each engine, interleaved")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  add_real_options(*command, *options);
  command->footer(
      "Writes what `calvo run` writes; summary.json has a part \"load\" more: was the load\n"
      "generated on time, how busy was the machine? docs/runner.md says what runs where.\n\n"
      "Examples:\n"
      "  calvo realrun scenarios/examples/laptop.yaml\n"
      "  calvo realrun scenarios/examples/laptop.yaml --engines vllm_sync,calvo --repeats 3\n"
      "  calvo realrun scenarios/examples/laptop.yaml --pace none --faults die@10s..15s\n"
      "  calvo realrun scenarios/examples/laptop.yaml --fabric verbs --key-file key \\\n"
      "      --node 10.0.0.2:7000 --node 10.0.0.3:7000");
  return {command, [options] { return run_for_real(*options); }};
}

}  // namespace calvo::cli
