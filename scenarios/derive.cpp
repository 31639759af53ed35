#include "scenarios/derive.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "models/isolated.hpp"
#include "models/rich_cost.hpp"
#include "models/table_compute_model.hpp"
#include "models/wrong_cost.hpp"
#include "scenarios/workload_fields.hpp"

namespace calvo::scenarios {
namespace {

// What the topology needs beyond single values.
void check_topology(const Draft& draft, const YamlSection& root) {
  const models::TopologySpec& topology = draft.topology;
  const auto fail = [&](std::string_view key, const std::string& problem) {
    if (root.is_map("topology")) root.section("topology").fail(key, problem);
    throw InputError(root.pos(), "topology." + std::string(key), problem);
  };
  if (topology.kind == models::TopologyKind::leaf_spine && topology.nodes_per_leaf == 0) {
    fail("nodes_per_leaf", "missing; a leaf-spine network needs the number of nodes below a leaf");
  }
  if (topology.kind == models::TopologyKind::single_node && topology.serving_nodes > 1) {
    fail("serving_nodes", fmt::format("\"{}\" nodes in a single_node topology; set kind to star",
                                      topology.serving_nodes));
  }
  const bool switched = topology.gpus_per_pcie_switch > 0;
  if (switched && topology.pcie_switch == BytesPerSecond{0}) {
    root.section("hardware")
        .fail("pcie_switch",
              "missing; topology.gpus_per_pcie_switch needs the rate of a "
              "switch's up-link, like 55 GB/s");
  }
  if (!switched && topology.pcie_switch > BytesPerSecond{0}) {
    root.section("hardware")
        .fail("pcie_switch", "without effect; set topology.gpus_per_pcie_switch as well");
  }
}

// What the truth needs beyond single values; the folder of its kernel tables, empty without any.
std::string check_truth(const Draft& draft, const YamlSection& root, const FieldContext& context) {
  if (draft.truth.compute == TruthCompute::linear) {
    const models::LinearComputeModel::Options& options = draft.truth.linear;
    const YamlSection section = root.section("truth");
    if (options.prefill_fixed + options.per_token <= Seconds{0}) {
      section.fail("prefill_fixed", "a prompt takes no time; set prefill_fixed or per_token");
    }
    if (options.decode_fixed + options.per_sequence <= Seconds{0}) {
      section.fail("decode_fixed", "a decode step takes no time; set decode_fixed or per_sequence");
    }
  }
  if (draft.truth.compute != TruthCompute::tables) return "";
  if (draft.gpu.kernel_tables.empty()) {
    root.section("hardware")
        .fail("gpu", "\"" + draft.gpu.name +
                         "\" has no kernel tables; set truth.compute to "
                         "roofline, or name kernel_tables");
  }
  const std::string name = "data/hardware/" + draft.gpu.kernel_tables + "_gemm.csv.gz";
  const std::string file = find_in_roots(name, context.search);
  if (file.empty()) {
    root.section("hardware")
        .section("gpu")
        .fail("kernel_tables", "no file \"" + name +
                                   "\" in any data folder; name tables that exist, or set "
                                   "truth.compute to roofline");
  }
  return file.substr(0, file.find_last_of('/'));
}

std::shared_ptr<const models::ComputeModel> make_truth(const Draft& draft,
                                                       const std::string& tables) {
  if (draft.truth.compute == TruthCompute::linear) {
    models::LinearComputeModel::Options options = draft.truth.linear;
    options.layers = draft.model.layers;
    return std::make_shared<models::LinearComputeModel>(options);
  }
  models::GpuSpec gpu = draft.gpu;
  if (tables.empty()) gpu.kernel_tables.clear();
  return models::make_compute_model(draft.model, gpu, draft.engine.tensor_parallel, tables);
}

// The way from the pool to a GPU, without any engine.
models::LoadPath make_path(const Draft& draft, const control::InstanceResources& instance) {
  models::LoadPath path =
      models::make_load_path(draft.topology, draft.gpu, draft.engine.tensor_parallel);
  path.block_tokens = instance.block_tokens;
  path.block_bytes = instance.block_bytes;
  // A run stays on one storage node: with several, it ends with its extent.
  path.runs_in_flight = std::int64_t{1} << 30;  // full rates: no engine's window
  path.blocks_per_run =
      instance.storage_nodes > 1 ? instance.storage_extent : std::int64_t{1} << 30;
  return path;
}

// The same as the engine under test goes it.
models::LoadPath make_engine_path(const Draft& draft, const control::InstanceResources& instance) {
  const control::EngineConfig& engine = draft.engine;
  models::LoadPath path = make_path(draft, instance);
  path.runs_in_flight = engine.network_window.operations;
  path.blocks_per_run = std::min(path.blocks_per_run, engine.run_blocks);
  path.lookup_cost = engine.costs.lookup;
  path.operation_cost = engine.costs.operation;
  path.step_cost = engine.costs.step;
  const std::int64_t chunk = std::min(engine.chunk_tokens, engine.token_budget);
  path.chunk_tokens = Tokens{chunk == control::unbounded ? 0 : chunk};
  return path;
}

std::shared_ptr<const models::CostModel> make_estimates(
    const Draft& draft, const control::InstanceResources& instance,
    const std::shared_ptr<const models::ComputeModel>& compute) {
  const EstimateOptions& options = draft.estimates;
  if (options.model == EstimateModel::scrambled) {
    return std::make_shared<models::ScrambledCost>(draft.seed);
  }
  if (options.model == EstimateModel::linear && !options.fitted) {
    return std::make_shared<models::LinearCost>(options.lines);
  }
  const auto overlap = draft.engine.coupling == control::Coupling::serial
                           ? models::LoadOverlap::serial
                           : models::LoadOverlap::pipelined;
  auto rich =
      std::make_shared<models::RichCost>(make_engine_path(draft, instance), compute, overlap);
  if (options.model == EstimateModel::linear) {
    const auto grid =
        models::profile_grid(Tokens{std::max<std::int64_t>(draft.model.max_context, 4096)});
    return std::make_shared<models::LinearCost>(models::fit_linear_cost(*rich, grid).options);
  }
  if (options.model == EstimateModel::perturbed) {
    return std::make_shared<models::PerturbedCost>(
        rich, models::PerturbedCost::Options{options.bias, options.spread, draft.seed});
  }
  return rich;
}

std::unique_ptr<traces::Workload> make_workload(const Draft& draft, const YamlSection& root) {
  try {
    return traces::make_workload(draft.workload, draft.block_tokens, draft.seed);
  } catch (const traces::BadOption& wrong) {
    fail_workload(root.section("workload"), wrong.problem);
  }
}

WorkloadFacts facts_of(std::span<const RequestSpec> requests) {
  WorkloadFacts facts;
  facts.requests = requests.size();
  for (const RequestSpec& request : requests) {
    const Tokens length = request.input + request.output;
    if (&request == requests.data() || length < facts.shortest) facts.shortest = length;
  }
  return facts;
}

void check_lengths(const Draft& draft, const YamlSection& root, const WorkloadFacts& facts) {
  if (facts.requests == 0) {
    root.fail("workload",
              "has no requests; check its file and its limits (first_requests, "
              "max_requests, max_context)");
  }
  if (facts.shortest.count() > draft.model.max_context) {
    root.fail("workload",
              fmt::format("every request is longer than the context of \"{}\", {} tokens; take "
                          "another model or raise model.max_context",
                          draft.model.name, draft.model.max_context));
  }
}

}  // namespace

WorkloadFacts check_draft(const Draft& draft, const YamlSection& root, const FieldContext& context,
                          KnownWorkloads& known) {
  check_topology(draft, root);
  derive_remote_blocks(draft, root, derive_instance(draft, root).block_bytes);
  check_truth(draft, root, context);
  std::string text = fmt::format("{} {}\n", draft.block_tokens.count(), draft.seed);
  FieldWriter io(text, context);
  write_workload(io, draft.workload);
  auto entry = known.find(text);
  if (entry == known.end()) {
    const auto workload = make_workload(draft, root);
    WorkloadFacts facts = facts_of(workload->requests());
    if (const auto due = workload->start(); !due.empty()) facts.last_start = due.back().at;
    entry = known.emplace(std::move(text), facts).first;
  }
  check_lengths(draft, root, entry->second);
  return entry->second;
}

Scenario derive(const Draft& draft, const YamlSection& root, const FieldContext& context) {
  check_topology(draft, root);
  Scenario scenario;
  scenario.name = draft.name;
  scenario.description = draft.description;
  scenario.seed = draft.seed;
  scenario.engine = draft.engine;
  scenario.routing = draft.routing;
  scenario.model = draft.model;
  scenario.gpu = draft.gpu;
  scenario.topology = draft.topology;
  scenario.instance = derive_instance(draft, root);
  scenario.remote_blocks = derive_remote_blocks(draft, root, scenario.instance.block_bytes);
  const std::string tables = check_truth(draft, root, context);
  scenario.truth = make_truth(draft, tables);
  scenario.estimates = make_estimates(draft, scenario.instance, make_truth(draft, tables));
  scenario.slo_tpot_s = draft.slo.tpot.count();
  scenario.simulation = draft.simulation;
  scenario.faults = draft.faults;

  scenario.workload = make_workload(draft, root);
  const std::span<RequestSpec> requests = scenario.workload->requests();
  check_lengths(draft, root, facts_of(requests));
  const models::LoadPath path = make_path(draft, scenario.instance);
  for (RequestSpec& request : requests) {
    const auto isolated =
        models::isolated_ttft(path, *scenario.truth, request.input, request.pool_hit_blocks);
    request.isolated_ttft = to_nanoseconds(isolated.total());
  }
  traces::assign_deadlines(requests, draft.slo.ttft, draft.seed);
  return scenario;
}

}  // namespace calvo::scenarios
