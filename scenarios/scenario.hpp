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

/// Objectives of every request (docs/scenario.md).
enum class TtftObjective : std::uint8_t {
  none,
  factor,             ///< of the request's isolated TTFT, drawn from `factors`
  fixed,              ///< the same time for all
  low_load_multiple,  ///< of the mean isolated TTFT of the workload
};

struct SloOptions {
  TtftObjective ttft = TtftObjective::factor;
  std::vector<double> factors{2, 4, 8};
  Seconds fixed{2};
  double multiple = 3;
  Seconds tpot{0};  ///< 0: attainment is on TTFT alone
};

/// time = base + per_token * tokens.
struct LinearFit {
  Seconds per_token{0};
  Seconds base{0};

  friend bool operator==(const LinearFit&, const LinearFit&) = default;
};

/// Where the simulator's compute times come from: measured kernel tables, the data sheet's bounds,
/// or a straight line in the new tokens.
enum class TruthCompute : std::uint8_t { tables, roofline, linear };

struct TruthOptions {
  TruthCompute compute = TruthCompute::tables;
  LinearFit prefill;       ///< linear: of the new tokens of a step
  Seconds decode_step{0};  ///< linear: an iteration without prefill tokens
};

/// What the policies believe. `rich`: closed forms of the truth on an idle path. `linear`: the two
/// straight lines of CALVO. `perturbed`, `scrambled`: rich, but wrong.
enum class EstimateModel : std::uint8_t { rich, linear, perturbed, scrambled };

struct EstimateOptions {
  EstimateModel model = EstimateModel::rich;
  bool fitted = true;         ///< linear: both lines fitted to the rich model
  LinearFit load;             ///< linear, not fitted: of the tokens to load
  LinearFit compute;          ///< linear, not fitted: of the tokens to compute
  double relative_error = 0;  ///< perturbed: each estimate is multiplied by exp(this * N(0,1))
};

struct SimulationOptions {
  FlowBackend flow_backend = FlowBackend::fluid;
  Granularity granularity = Granularity::run;
  DecodeMode decode = DecodeMode::leap;
  Seconds warm_up{0};     ///< requests that arrive before this are simulated, not counted
  Seconds time_limit{0};  ///< 0: until every request has ended
  bool timeline = true;
  bool event_log = false;
  /// Truth perturbed: every computed time of the truth is multiplied by exp(noise * N(0,1)), drawn
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
  SloOptions slo;
  double slo_tpot_s = 0;  ///< 0: attainment is on TTFT alone
  SimulationOptions simulation;
  std::string resolved_yaml;  ///< reloads to the same scenario
};

}  // namespace calvo::scenarios
