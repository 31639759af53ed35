#include "cli/hardware_flags.hpp"

#include <stdexcept>

#include "cli/checks.hpp"
#include "core/input_error.hpp"
#include "core/parse.hpp"
#include "realrun/wire/secret.hpp"

namespace calvo::cli {
namespace {

template <class T>
T value(const std::string& flag, const std::string& text) {
  try {
    return parse_as<T>(text);
  } catch (const std::invalid_argument& error) {
    throw InputError({flag, 1, 1}, "", error.what());
  }
}

}  // namespace

void add_hardware_flags(CLI::App& command, HardwareFlags& flags) {
  const auto group = [&](const char* name) { return command.add_option_group(name); };
  CLI::App* hardware = group("Hardware");
  hardware->add_option("--fabric", flags.fabric, "how KV comes over the network (calvo list)")
      ->capture_default_str()
      ->type_name("NAME");
  hardware->add_option("--device", flags.device, "what computes (calvo list)")
      ->capture_default_str()
      ->type_name("NAME");
  hardware
      ->add_option(
          "--node", flags.nodes,
          "a storage node that runs (calvo kvnode); once for each node of the scenario, in "
          "its order. Without any, they are started here, on loopback, and end with the run")
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  hardware->add_option("--key-file", flags.key_file, "the key that the nodes have, too")
      ->check(not_empty())
      ->type_name("FILE");
  hardware
      ->add_option(
          "--pace", flags.pace,
          "rate of each node that is started here: a rate, \"none\", or \"scenario\" for its "
          "storage NIC's")
      ->capture_default_str()
      ->type_name("RATE");
  hardware->add_option("--model-seed", flags.model_seed, "of weights and token ids")
      ->check(whole_number())
      ->type_name("N");
  CLI::App* pace = group("Device host");
  pace->add_option("--copy-pace", flags.copy_pace, "rate of its copies, each direction")
      ->type_name("RATE");
  pace->add_option("--pace-step", flags.pace_step, "shortest time of a step, and")
      ->type_name("TIME");
  pace->add_option("--pace-token", flags.pace_token, "... of each new token, and")
      ->type_name("TIME");
  pace->add_option("--pace-context", flags.pace_context,
                   "... of each new token and 1,000 tokens before it")
      ->type_name("TIME");
  pace->add_flag("--no-arithmetic", flags.no_arithmetic, "paced only; logits are zero");
  CLI::App* gpu = group("Device cuda");
  gpu->add_option("--copy-table", flags.copy_table,
                  "which path copies take, as calvo calibrate has measured it (FILE.copies.csv)")
      ->type_name("FILE");
  gpu->add_option("--copy-path", flags.copy_path,
                  "always this one: direct, batch, staged or kernel (docs/gpu_device.md)")
      ->type_name("NAME");
  gpu->add_option("--copy-thread-blocks", flags.copy_blocks, "that path kernel takes at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  gpu->add_flag("--no-graphs", flags.no_graphs, "launch each kernel of a decode step by itself");
  CLI::App* cores = group("Cores");
  const auto core = [&](const char* flag, std::optional<int>& target, const char* what) {
    cores->add_option(flag, target, what)->check(CLI::Range(0, 1023))->type_name("N");
  };
  core("--control-core", flags.control_core, "pin the control thread and the load generator");
  core("--compute-core", flags.compute_core, "pin the compute thread");
  core("--copy-core", flags.copy_core, "pin the copy thread");
  core("--network-core", flags.network_core, "pin the rails");
}

realrun::RealrunOptions realrun_options(const HardwareFlags& flags) {
  realrun::RealrunOptions run;
  run.fabric = flags.fabric;
  run.device = flags.device;
  for (const std::string& node : flags.nodes) {
    run.nodes.push_back(realrun::parse_endpoint(node, "--node"));
  }
  if (!flags.key_file.empty()) run.key = realrun::read_key_file(flags.key_file);
  if (!flags.nodes.empty() && flags.pace != "scenario") {
    throw InputError({"--pace", 0, 0}, "",
                     "is of nodes that are started here, and --node names others; give it to them "
                     "(calvo kvnode --pace)");
  }
  run.model_seed = flags.model_seed;
  realrun::DeviceOptions& device = run.device_options;
  if (!flags.copy_pace.empty()) {
    device.copy_pace = pace_of("--copy-pace", flags.copy_pace);
  }
  const auto seconds = [](const char* flag, const std::string& text) {
    return text.empty() ? Seconds{0} : value<Seconds>(flag, text);
  };
  device.pace_step = seconds("--pace-step", flags.pace_step);
  device.pace_token = seconds("--pace-token", flags.pace_token);
  device.pace_context = seconds("--pace-context", flags.pace_context);
  device.arithmetic = !flags.no_arithmetic;
  if (!flags.copy_table.empty()) device.copy_tables = realrun::read_copy_tables(flags.copy_table);
  if (!flags.copy_path.empty()) {
    device.copy_path = realrun::parse_copy_path(flags.copy_path, "--copy-path");
  }
  device.copy_thread_blocks = flags.copy_blocks;
  device.graphs = !flags.no_graphs;
  device.compute_core = flags.compute_core;
  device.copy_core = flags.copy_core;
  run.control_core = flags.control_core;
  run.network_core = flags.network_core;
  return run;
}

realrun::LocalNodeOptions local_node_options(const HardwareFlags& flags,
                                             const scenarios::Scenario& scenario) {
  realrun::LocalNodeOptions nodes;
  nodes.fabric = flags.fabric;
  nodes.model_seed = flags.model_seed;
  if (flags.pace == "scenario") {
    nodes.pace = scenario.topology.storage_nic.bandwidth;
  } else if (flags.pace != "none") {
    nodes.pace = pace_of("--pace", flags.pace);
  }
  return nodes;
}

}  // namespace calvo::cli
