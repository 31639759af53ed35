// What a real run and a calibration say of fabric, device, storage nodes and cores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "realrun/engine/local_nodes.hpp"
#include "realrun/engine/realrun.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::cli {

struct HardwareFlags {
  std::string fabric = "tcp";
  std::string device = "host";
  std::vector<std::string> nodes;
  std::string key_file;
  std::string pace = "scenario";
  std::uint64_t model_seed = 1;
  std::string copy_pace, pace_step, pace_token, pace_context;
  bool no_arithmetic = false;
  std::string copy_table, copy_path;
  std::int32_t copy_blocks = 4;
  bool no_graphs = false;
  std::optional<int> control_core, compute_core, copy_core, network_core;
};

/// Adds them to `command`, in groups. `flags` outlives it.
void add_hardware_flags(CLI::App& command, HardwareFlags& flags);

/// The parts of the options that they say. Throws InputError, naming the flag.
realrun::RealrunOptions realrun_options(const HardwareFlags& flags);

/// Storage nodes to be started here. Throws InputError, naming the flag.
realrun::LocalNodeOptions local_node_options(const HardwareFlags& flags,
                                             const scenarios::Scenario& scenario);

}  // namespace calvo::cli
