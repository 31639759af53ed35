#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analysis/output_file.hpp"
#include "cli/checks.hpp"
#include "cli/hardware_flags.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "core/input_error.hpp"
#include "realrun/calibrate/calibration.hpp"
#include "realrun/engine/checks.hpp"
#include "realrun/engine/parts.hpp"
#include "realrun/wire/block_format.hpp"
#include "scenarios/load.hpp"

namespace calvo::cli {
namespace {

// Enough for the longest chains of reads, and more than caches hold, as KV that comes from afar.
constexpr std::int64_t landing_bytes = 128 << 20;
constexpr std::int64_t least_pages = 64;
// A GPU computes in one step what a CPU takes seconds for, and copies hundreds of blocks at once.
constexpr std::int64_t gpu_tokens = 8192;
constexpr std::int64_t gpu_sequences = 256;
constexpr std::int64_t gpu_slots = 300;

struct CalibrateArguments {
  std::string scenario;
  std::vector<std::string> overrides;
  std::string out;
  bool force = false;
  bool quiet = false;
  int repeats = 9;
  HardwareFlags hardware;
};

std::string points_file(const std::string& out) {
  return std::filesystem::path(out).replace_extension(".points.csv").string();
}
std::string paths_file(const std::string& out) {
  return std::filesystem::path(out).replace_extension(".copies.csv").string();
}
bool is_gpu(const CalibrateArguments& options) {
  return options.hardware.device != "host";
}

void check_place(const CalibrateArguments& options) {
  const std::filesystem::path folder = std::filesystem::path(options.out).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw InputError({options.out, 0, 0}, "",
                     "there is no folder \"" + folder.string() + "\"; make it first");
  }
  std::vector<std::string> files = {options.out, points_file(options.out)};
  if (is_gpu(options)) files.push_back(paths_file(options.out));
  for (const std::string& file : files) {
    if (std::filesystem::exists(file) && !options.force) {
      throw InputError({file, 0, 0}, "", "exists; name another file or give --force");
    }
  }
}

realrun::DeviceOptions device_options(const scenarios::Scenario& scenario,
                                      realrun::DeviceOptions device, std::uint64_t seed,
                                      std::int64_t slots) {
  device.shape = scenario.model;
  device.seed = seed;
  device.block_tokens = static_cast<std::int32_t>(scenario.instance.block_tokens.count());
  device.pages = std::max(scenario.instance.gpu_blocks, least_pages);
  const realrun::BlockFormat format{scenario.instance.block_bytes.count()};
  device.host_bytes = std::max(landing_bytes, slots * format.stride());
  return device;
}

realrun::Calibration measure(const scenarios::Scenario& scenario, const realrun::DeviceInfo& device,
                             const realrun::DeviceOptions& device_options,
                             const realrun::CalibrateOptions& options) {
  try {
    const std::unique_ptr<realrun::Device> made = device.make(device_options);
    return realrun::calibrate(*made, options);
  } catch (const InputError&) {
    throw;
  } catch (const std::runtime_error& error) {  // a node, a link or memory that is not to be had
    throw InputError({scenario.file, 0, 0}, "calibrate", error.what());
  }
}

int calibrate(const CalibrateArguments& options) {
  check_place(options);
  scenarios::LoadOptions load;
  load.overrides = options.overrides;
  const scenarios::Scenario scenario = scenarios::load_scenario(options.scenario, load);
  if (scenario.instance.storage_nodes == 0) {
    throw InputError({options.scenario, 0, 0}, "topology.storage_nodes",
                     "there is no storage node to measure; set it to 1 or more");
  }
  realrun::RealrunOptions testbed = realrun_options(options.hardware);
  const realrun::FabricInfo fabric = realrun::fabric(testbed.fabric);
  const realrun::DeviceInfo device_info = realrun::device(testbed.device);

  std::optional<realrun::LocalNodes> local;
  if (testbed.nodes.empty()) {
    realrun::LocalNodeOptions nodes = local_node_options(options.hardware, scenario);
    nodes.synthetic = true;  // whatever the workload finds in the pool
    local.emplace(scenario, nodes);
    testbed.nodes = local->endpoints();
    testbed.key = local->key();
  }
  realrun::check_testbed(scenario, testbed);

  realrun::CalibrateOptions calibrate;
  calibrate.control_core = testbed.control_core;
  calibrate.network_core = testbed.network_core;
  calibrate.compute_core = testbed.device_options.compute_core;
  calibrate.fabric = testbed.fabric;
  calibrate.device_name = testbed.device;
  calibrate.command = command_line();
  calibrate.date = utc_date();
  calibrate.machine = host_name() + ", " + cpu_name();
  calibrate.device.repeats = options.repeats;
  if (is_gpu(options)) {
    calibrate.device.most_tokens = gpu_tokens;
    calibrate.device.most_sequences = gpu_sequences;
  }
  calibrate.network.repeats = options.repeats;
  calibrate.network.fabric = testbed.fabric;
  calibrate.network.format = {scenario.instance.block_bytes.count()};
  for (const realrun::Endpoint& node : testbed.nodes) {
    realrun::ConnectOptions to;
    to.endpoint = node;
    to.key = testbed.key;
    to.config = realrun::node_config(scenario, testbed.model_seed);
    calibrate.network.nodes.push_back(to);
  }
  if (!options.quiet) {
    calibrate.progress = [](std::string_view what) { fmt::print(stderr, "measuring: {}\n", what); };
  }
  const realrun::Calibration found =
      measure(scenario, device_info,
              device_options(scenario, testbed.device_options, testbed.model_seed,
                             is_gpu(options) ? gpu_slots : 4),
              calibrate);
  analysis::write_file(points_file(options.out), realrun::samples_csv(found));
  analysis::write_file(options.out, realrun::calibration_yaml(scenario, found, calibrate));
  if (is_gpu(options)) {
    analysis::write_file(paths_file(options.out),
                         realrun::copy_tables_csv(found.device.copy_tables));
  }
  for (const std::string& doubt : realrun::doubts_about(found)) {
    fmt::print(stderr, "calvo: {}; see {}\n", doubt, points_file(options.out));
  }
  if (!options.quiet) fmt::print("{}written: ", realrun::calibration_text(found));
  fmt::print("{}\n", options.out);
  return success;
}

}  // namespace

Verb add_calibrate(CLI::App& program) {
  const auto options = std::make_shared<CalibrateArguments>();
  CLI::App* command = program.add_subcommand(
      "calibrate", "Measure this testbed part by part, for predictions of its real runs");
  command
      ->add_option("SCENARIO", options->scenario,
                   "its model, block size, memory and number of storage nodes are measured with")
      ->required();
  command->add_option("-o,--out", options->out, "where to write what was measured")
      ->required()
      ->check(not_empty())
      ->type_name("FILE");
  command->add_option("--set", options->overrides, "change a key of the scenario; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--repeats", options->repeats, "of each measurement")
      ->capture_default_str()
      ->check(CLI::Range(3, 1000))
      ->type_name("N");
  command->add_flag("--force", options->force, "write over the files that are there");
  command->add_flag("--quiet", options->quiet, "print the file's name and nothing else");
  add_hardware_flags(*command, options->hardware);
  command->footer(
      "Link rate and latency by size and number of reads, round trips, copies, steps over new\n"
      "tokens, context and batch, both at once, hand-overs between threads: each alone, on an\n"
      "idle machine, a minute or two. Fits are robust and written with their residuals and\n"
      "ranges; one that misses, and nodes that differ, are warned of. Every time that was taken\n"
      "goes to a .points.csv beside it. A scenario reads it with --set calibration=FILE.\n\n"
      "Examples:\n"
      "  calvo calibrate scenarios/examples/laptop.yaml -o laptop.cal.yaml\n"
      "  calvo run scenarios/examples/laptop.yaml --set calibration=laptop.cal.yaml\n"
      "  calvo realrun scenarios/examples/laptop.yaml");
  return {command, [options] { return calibrate(*options); }};
}

}  // namespace calvo::cli
