// A scenario as its file says it: names expanded, defaults filled in, nothing derived yet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/engine_config.hpp"
#include "models/hardware.hpp"
#include "models/linear_compute_model.hpp"
#include "models/linear_cost.hpp"
#include "models/model_shape.hpp"
#include "scenarios/fields.hpp"
#include "scenarios/scenario.hpp"
#include "traces/deadlines.hpp"
#include "traces/workload_options.hpp"

namespace calvo::scenarios {

/// A memory tier's size: bytes of KV, blocks, or what the hardware leaves (`whole`).
struct TierSize {
  enum class Kind : std::uint8_t { whole, bytes, blocks };
  Kind kind = Kind::bytes;
  Bytes bytes;
  std::int64_t blocks = 0;

  friend bool operator==(const TierSize&, const TierSize&) = default;
};

struct MemoryOptions {
  TierSize gpu{TierSize::Kind::whole, {}, 0};                     ///< of an instance
  TierSize host{TierSize::Kind::bytes, Bytes{64LL << 30}, 0};     ///< of an instance
  TierSize remote{TierSize::Kind::bytes, Bytes{512LL << 30}, 0};  ///< of each storage node
  std::int64_t storage_extent = 64;
  std::int32_t storage_replicas = 1;
};

struct SloOptions {
  traces::DeadlineRule ttft{.kind = traces::DeadlineKind::isolated_factor};
  Seconds tpot{0};  ///< 0: attainment is on TTFT alone
};

/// Where the simulator's compute times come from: measured kernel tables, the data sheet's bounds,
/// or straight lines.
enum class TruthCompute : std::uint8_t { tables, roofline, linear };

struct TruthOptions {
  TruthCompute compute = TruthCompute::tables;
  models::LinearComputeModel::Options linear;
};

/// What the policies believe. `rich`: closed forms of the truth on an idle path. `linear`: the two
/// straight lines of CALVO. `perturbed`, `scrambled`: rich, but wrong.
enum class EstimateModel : std::uint8_t { rich, linear, perturbed, scrambled };

struct EstimateOptions {
  EstimateModel model = EstimateModel::rich;
  bool fitted = true;                 ///< linear: both lines fitted to the rich model
  models::LinearCost::Options lines;  ///< linear, not fitted
  double bias = 1;                    ///< perturbed
  double spread = 0;                  ///< perturbed
};

struct Draft {
  std::string name;
  std::string description;
  std::uint64_t seed = 1;
  control::EngineConfig engine;
  std::string routing = "cache_aware";
  models::ModelShape model;
  models::GpuSpec gpu;
  models::TopologySpec topology;
  Tokens block_tokens{256};
  MemoryOptions memory;
  traces::WorkloadOptions workload;
  SloOptions slo;
  TruthOptions truth;
  EstimateOptions estimates;
  SimulationOptions simulation;
  std::vector<Fault> faults;
  bool allow_unphysical = false;
};

/// Reads every key of a scenario whose names are expanded. Throws InputError; does not look for
/// unknown keys (the caller does, at the end).
Draft read_draft(const YamlSection& root, FieldContext& context);

/// The whole scenario as YAML, in the order of docs/scenario.md; read_draft gives the same again.
std::string write_draft(const Draft& draft, const FieldContext& context);

}  // namespace calvo::scenarios
