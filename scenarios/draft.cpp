#include "scenarios/draft.hpp"

#include <array>
#include <filesystem>

#include "policies/registry.hpp"
#include "scenarios/engine_fields.hpp"
#include "scenarios/fault_fields.hpp"
#include "scenarios/hardware_fields.hpp"
#include "scenarios/workload_fields.hpp"

namespace calvo::scenarios {

template <>
std::span<const std::string_view> names_of<TruthCompute>() {
  static constexpr auto all = std::to_array<std::string_view>({"tables", "roofline", "linear"});
  return all;
}
template <>
std::span<const std::string_view> names_of<EstimateModel>() {
  static constexpr auto all =
      std::to_array<std::string_view>({"rich", "linear", "perturbed", "scrambled"});
  return all;
}

namespace {

using traces::DeadlineKind;

// `host: 64 GiB`, `host: 4096 blocks`, `host: none`, and for the GPU `auto`.
TierSize read_tier(const YamlSection& section, std::string_view key, TierSize fallback,
                   bool may_be_whole) {
  const auto text = section.maybe<std::string>(key);
  if (!text) return fallback;
  if (*text == "none") return {TierSize::Kind::blocks, {}, 0};
  if (*text == "auto" && may_be_whole) return {TierSize::Kind::whole, {}, 0};
  if (text->ends_with(" blocks")) {
    try {
      const auto blocks = parse_as<std::int64_t>(text->substr(0, text->size() - 7));
      if (blocks >= 0) return {TierSize::Kind::blocks, {}, blocks};
    } catch (const std::invalid_argument&) {  // told below
    }
    section.fail(key, "\"" + *text + "\" is no count of blocks; write a number like 4096 blocks");
  }
  return {TierSize::Kind::bytes, section.required<Bytes>(key), 0};
}

std::string tier_text(const TierSize& size) {
  if (size.kind == TierSize::Kind::whole) return "auto";
  if (size.kind == TierSize::Kind::bytes) return to_text(size.bytes);
  return size.blocks == 0 ? "none" : to_text(size.blocks) + " blocks";
}

// `ttft: none`, or a mapping with one key that says which objective it is.
void read_slo(const YamlSection& section, SloOptions& slo) {
  slo.tpot = section.is_scalar("tpot") && section.required<std::string>("tpot") == "none"
                 ? Seconds{0}
                 : section.optional("tpot", slo.tpot, positive<Seconds>());
  if (section.is_scalar("ttft") && section.required<std::string>("ttft") == "none") {
    slo.ttft.kind = DeadlineKind::none;
    return;
  }
  const auto ttft = section.optional_section("ttft");
  if (!ttft) return;
  int kinds = 0;
  if (auto factors = ttft->optional_list<double>("factor", positive<double>())) {
    if (factors->empty()) ttft->fail("factor", "is empty; write at least one factor like [4]");
    slo.ttft.kind = DeadlineKind::isolated_factor;
    slo.ttft.factors = *factors;
    ++kinds;
  }
  if (const auto fixed = ttft->maybe<Seconds>("fixed", positive<Seconds>())) {
    slo.ttft.kind = DeadlineKind::fixed;
    slo.ttft.ttft = to_nanoseconds(*fixed);
    ++kinds;
  }
  if (const auto multiple = ttft->maybe<double>("low_load_multiple", positive<double>())) {
    slo.ttft.kind = DeadlineKind::low_load_multiple;
    slo.ttft.multiple = *multiple;
    ++kinds;
  }
  ttft->reject_unknown_keys();
  if (kinds != 1) {
    section.fail("ttft", "is one objective; write one of factor, fixed and low_load_multiple");
  }
}

void write_slo(FieldWriter& io, const SloOptions& slo) {
  if (slo.ttft.kind == DeadlineKind::none) {
    io.line("ttft", "none");
  } else {
    io.group("ttft", [&](FieldWriter& inner) {
      if (slo.ttft.kind == DeadlineKind::isolated_factor) inner.list("factor", slo.ttft.factors);
      if (slo.ttft.kind == DeadlineKind::fixed) inner.value("fixed", to_seconds(slo.ttft.ttft));
      if (slo.ttft.kind == DeadlineKind::low_load_multiple) {
        inner.value("low_load_multiple", slo.ttft.multiple);
      }
    });
  }
  io.or_zero("tpot", slo.tpot, "none");
}

template <class Io>
void truth_fields(Io& io, TruthOptions& truth) {
  io.name("compute", truth.compute, "compute model");
  if (truth.compute != TruthCompute::linear) return;
  io.value("prefill_fixed", truth.linear.prefill_fixed);
  io.value("per_token", truth.linear.per_token);
  io.value("per_pair", truth.linear.per_pair);
  io.value("decode_fixed", truth.linear.decode_fixed);
  io.value("per_sequence", truth.linear.per_sequence);
  io.value("per_context_token", truth.linear.per_context_token);
}

template <class Io>
void estimate_fields(Io& io, EstimateOptions& estimates) {
  io.name("model", estimates.model, "cost model");
  if (estimates.model == EstimateModel::linear) {
    static constexpr std::string_view keys[] = {"load_per_token", "load_fixed", "compute_per_token",
                                                "compute_fixed"};
    if constexpr (Io::reads) {
      for (const std::string_view key : keys) {
        estimates.fitted = estimates.fitted && !io.section().has(key);
      }
    }
    if (!estimates.fitted) {
      io.value(keys[0], estimates.lines.load_per_token);
      io.value(keys[1], estimates.lines.load_fixed);
      io.value(keys[2], estimates.lines.compute_per_token);
      io.value(keys[3], estimates.lines.compute_fixed);
    }
  }
  if (estimates.model == EstimateModel::perturbed) {
    io.value("bias", estimates.bias, between(0.001, 1000.0));
    io.value("spread", estimates.spread, between(0.0, 10.0));
  }
}

template <class Io>
void simulation_fields(Io& io, SimulationOptions& simulation) {
  io.name("flow_backend", simulation.flow_backend, "flow back end");
  io.name("granularity", simulation.granularity, "granularity");
  io.name("decode", simulation.decode, "decode mode");
  io.value("warm_up", simulation.warm_up);
  io.or_zero("time_limit", simulation.time_limit, "none");
  io.value("fetch_timeout", simulation.fetch_timeout, positive<Seconds>());
  io.value("timeline", simulation.timeline);
  io.value("event_log", simulation.event_log);
  io.value("truth_noise", simulation.truth_noise, between(0.0, 10.0));
}

std::string read_routing(const YamlSection& root) {
  std::vector<std::string_view> names;
  for (const auto& row : policies::routings()) names.push_back(row.name);
  if (!root.has("routing")) return "cache_aware";
  return std::string(names[root.required_name("routing", "routing", names)]);
}

}  // namespace

Draft read_draft(const YamlSection& root, FieldContext& context) {
  Draft draft;
  context.allow_unphysical = root.optional("allow_unphysical", false);
  draft.allow_unphysical = context.allow_unphysical;
  FieldReader io(root, context);
  const std::string stem = std::filesystem::path(root.file()).stem().string();
  draft.name = root.optional<std::string>("name", stem);
  io.value("description", draft.description);
  io.value("seed", draft.seed);
  root.has("every_engine");  // laid over the engine before (expand.hpp)
  io.group("engine", [&](FieldReader& inner) {
    inner.section().maybe<std::string>("description");
    engine_fields(inner, draft.engine);
  });
  draft.routing = read_routing(root);
  draft.model = read_model(root);
  FieldReader hardware(root.section("hardware"), context);
  read_hardware(hardware, context, draft.gpu, draft.topology);
  io.group("topology", [&](FieldReader& inner) { topology_fields(inner, draft.topology); });
  io.value("block_tokens", draft.block_tokens, at_least(Tokens{1}));
  if (const auto memory = root.optional_section("memory")) {
    MemoryOptions& sizes = draft.memory;
    sizes.gpu = read_tier(*memory, "gpu", sizes.gpu, true);
    sizes.host = read_tier(*memory, "host", sizes.host, false);
    sizes.remote = read_tier(*memory, "remote", sizes.remote, false);
    sizes.storage_extent =
        memory->optional("storage_extent", sizes.storage_extent, at_least(std::int64_t{1}));
    sizes.storage_replicas =
        memory->optional("storage_replicas", sizes.storage_replicas, at_least(std::int32_t{1}));
  }
  draft.workload =
      read_workload(root.section("workload"), context, Tokens{draft.model.max_context});
  if (const auto slo = root.optional_section("slo")) read_slo(*slo, draft.slo);
  io.group("truth", [&](FieldReader& inner) { truth_fields(inner, draft.truth); });
  io.group("estimates", [&](FieldReader& inner) { estimate_fields(inner, draft.estimates); });
  io.group("simulation", [&](FieldReader& inner) { simulation_fields(inner, draft.simulation); });
  read_faults(root, draft.topology.storage_nodes, draft.faults);
  return draft;
}

std::string write_draft(const Draft& given, const FieldContext& context) {
  Draft draft = given;  // the lists of fields take what they may change
  std::string out;
  FieldWriter io(out, context);
  io.value("name", draft.name);
  io.value("description", draft.description);
  io.value("seed", draft.seed);
  io.group("engine", [&](FieldWriter& inner) { engine_fields(inner, draft.engine); });
  io.value("routing", draft.routing);
  io.group("model", [&](FieldWriter& inner) { write_model(inner, draft.model); });
  io.group("hardware",
           [&](FieldWriter& inner) { write_hardware(inner, draft.gpu, draft.topology); });
  io.group("topology", [&](FieldWriter& inner) { topology_fields(inner, draft.topology); });
  io.value("block_tokens", draft.block_tokens);
  io.group("memory", [&](FieldWriter& inner) {
    inner.line("gpu", tier_text(draft.memory.gpu));
    inner.line("host", tier_text(draft.memory.host));
    inner.line("remote", tier_text(draft.memory.remote));
    inner.value("storage_extent", draft.memory.storage_extent);
    inner.value("storage_replicas", draft.memory.storage_replicas);
  });
  io.group("workload", [&](FieldWriter& inner) { write_workload(inner, draft.workload); });
  io.group("slo", [&](FieldWriter& inner) { write_slo(inner, draft.slo); });
  io.group("truth", [&](FieldWriter& inner) { truth_fields(inner, draft.truth); });
  io.group("estimates", [&](FieldWriter& inner) { estimate_fields(inner, draft.estimates); });
  io.group("simulation", [&](FieldWriter& inner) { simulation_fields(inner, draft.simulation); });
  write_faults(io, draft.faults);
  io.value("allow_unphysical", draft.allow_unphysical);
  return out;
}

}  // namespace calvo::scenarios
