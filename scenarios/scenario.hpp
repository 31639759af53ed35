// A scenario, resolved: every name looked up, every default filled in, every unit converted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/engine_config.hpp"
#include "models/compute_model.hpp"
#include "models/cost_model.hpp"
#include "models/hardware.hpp"
#include "models/model_shape.hpp"
#include "traces/workload.hpp"

namespace calvo::scenarios {

enum class FlowBackend : std::uint8_t { fluid, simgrid, pure };
enum class Granularity : std::uint8_t { run, block };
enum class DecodeMode : std::uint8_t { leap, step };

/// What happens to a storage node of the simulated world.
///   down  it answers nobody, and keeps what it holds
///   slow  its NICs carry `factor` of their rate, both ways
enum class FaultKind : std::uint8_t { down, slow };
struct Fault {
  std::int32_t node = 0;
  FaultKind kind = FaultKind::down;
  Seconds at{0};
  Seconds until{0};   ///< 0: for good
  double factor = 1;  ///< slow
};

struct SimulationOptions {
  FlowBackend flow_backend = FlowBackend::fluid;
  Granularity granularity = Granularity::run;
  DecodeMode decode = DecodeMode::leap;
  Seconds warm_up{0};     ///< requests that arrive before this are simulated, not counted
  Seconds time_limit{0};  ///< 0: until every request has ended
  /// From the last that is heard of a transfer to its end, where its storage node is down.
  Seconds fetch_timeout{2.0};
  bool timeline = true;
  bool event_log = false;
  /// Truth perturbed: every computed time of the truth is multiplied by exp(noise * N(0,1)), of a
  /// transfer by exp(noise * |N(0,1)|) since no link exceeds its rate, drawn
  /// per step and per transfer from the seed. 0: none.
  double truth_noise = 0;
};

struct Scenario {
  std::string name;
  std::string file;  ///< as given
  std::string description;
  std::uint64_t seed = 1;
  control::EngineConfig engine;
  std::string routing = "cache_aware";  ///< policies/registry.hpp
  models::ModelShape model;
  models::GpuSpec gpu;
  models::TopologySpec topology;
  control::InstanceResources instance;                 ///< of every instance
  std::int64_t remote_blocks = 0;                      ///< capacity of each storage node
  std::shared_ptr<const models::ComputeModel> truth;   ///< the simulator's
  std::shared_ptr<const models::CostModel> estimates;  ///< the policies'
  std::unique_ptr<traces::Workload> workload;          ///< deadlines and isolated TTFTs filled in
  double slo_tpot_s = 0;                               ///< 0: attainment is on TTFT alone
  SimulationOptions simulation;
  std::vector<Fault> faults;
  std::string resolved_yaml;  ///< reloads to the same scenario
};

}  // namespace calvo::scenarios
