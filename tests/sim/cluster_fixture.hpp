// Small scenarios built in code, for tests of the whole simulator: round numbers, no overheads.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/isolated.hpp"
#include "models/linear_compute_model.hpp"
#include "models/rich_cost.hpp"
#include "scenarios/scenario.hpp"
#include "sim/simulate.hpp"
#include "traces/workload.hpp"
#include "traces/workload_options.hpp"

namespace calvo::sim {

/// Requests in the pool from the start; blocks of 100 tokens of 1 kB.
inline scenarios::Scenario small_scenario(std::vector<traces::InlineRequest> requests) {
  scenarios::Scenario scenario;
  scenario.name = "small";
  scenario.engine.network_window.operations = 1;
  scenario.engine.decode = false;
  scenario.routing = "round_robin";
  scenario.gpu.pcie.bandwidth = BytesPerSecond{1e9 / 4};              // 4 us a token
  scenario.topology.serving_nic.bandwidth = BytesPerSecond{1e9 / 6};  // 6 us a token
  scenario.topology.storage_nic.bandwidth = BytesPerSecond{1e9 / 6};
  scenario.topology.round_trip = Seconds{0};
  scenario.instance.block_tokens = Tokens{100};
  scenario.instance.block_bytes = Bytes{100'000};
  scenario.instance.gpu_blocks = 10'000;
  scenario.instance.host_blocks = 10'000;
  scenario.instance.storage_nodes = 1;
  scenario.remote_blocks = 1'000'000;
  models::LinearComputeModel::Options compute;
  compute.per_token = Seconds{1e-4};
  compute.decode_fixed = Seconds{0.01};
  compute.per_sequence = Seconds{1e-4};
  compute.per_context_token = Seconds{1e-8};
  scenario.truth = std::make_shared<models::LinearComputeModel>(compute);
  scenario.simulation.flow_backend = scenarios::FlowBackend::pure;
  traces::WorkloadOptions workload;
  workload.kind = traces::WorkloadKind::requests;
  workload.requests = std::move(requests);
  scenario.workload = traces::make_workload(workload, scenario.instance.block_tokens, 1);
  return scenario;
}

inline models::LoadPath path_of(const scenarios::Scenario& scenario) {
  models::LoadPath path =
      models::make_load_path(scenario.topology, scenario.gpu, scenario.engine.tensor_parallel);
  path.block_tokens = scenario.instance.block_tokens;
  path.block_bytes = scenario.instance.block_bytes;
  path.round_trip = scenario.topology.round_trip;
  path.lookup_cost = scenario.engine.costs.lookup;
  path.operation_cost = scenario.engine.costs.operation;
  path.step_cost = scenario.engine.costs.step;
  path.blocks_per_run = 1'000'000;
  return path;
}

/// Estimates equal to the truth, serial or pipelined as the engine is.
inline void estimate_truly(scenarios::Scenario& scenario) {
  scenario.estimates = std::make_shared<models::RichCost>(
      path_of(scenario), scenario.truth,
      scenario.engine.coupling == control::Coupling::serial ? models::LoadOverlap::serial
                                                            : models::LoadOverlap::pipelined);
}

inline double mean_ttft(const RunResult& result) {
  double sum = 0;
  for (const RequestRecord& request : result.requests) {
    sum += seconds_of(request.times.first_token) - seconds_of(request.times.arrival);
  }
  return sum / static_cast<double>(result.requests.size());
}

inline void order_by(scenarios::Scenario& scenario, const std::string& order) {
  scenario.engine.network_order.policy = order;
  scenario.engine.pcie_order.policy = order;
  scenario.engine.prefill_order.policy = order;
}

}  // namespace calvo::sim
