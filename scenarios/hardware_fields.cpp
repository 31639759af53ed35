#include "scenarios/hardware_fields.hpp"

#include "models/catalogue.hpp"

namespace calvo::scenarios {
namespace {

void check_rate(const YamlSection& section, std::string_view key, BytesPerSecond rate,
                const PhysicalLimit& limit, const FieldContext& context) {
  if (context.allow_unphysical || rate <= limit.rate) return;
  const bool plain = section.is_scalar(key);  // else {value, source}
  section.fail(key,
               unphysical(plain ? section.required<std::string>(key) : to_text(rate), rate, limit));
}

models::TransferModel read_link(const YamlSection& section, const PhysicalLimit& limit,
                                const FieldContext& context) {
  section.maybe<std::string>("name");
  const models::TransferModel link = models::read_transfer_model(section);
  check_rate(section, "bandwidth", link.bandwidth, limit, context);
  return link;
}

void write_link(FieldWriter& io, const models::TransferModel& link) {
  io.value("latency", link.latency);
  io.value("per_operation", link.per_operation);
  io.value("bandwidth", link.bandwidth);
  if (link.curve.empty()) return;
  io.items("curve", link.curve, [](FieldWriter& point, const models::CurvePoint& value) {
    point.value("size", value.size);
    point.value("bandwidth", value.bandwidth);
  });
}

}  // namespace

models::ModelShape read_model(const YamlSection& root) {
  const YamlSection section = root.section("model");
  const auto name = section.optional<std::string>("name", "inline");
  return models::read_model(section, name);
}

void write_model(FieldWriter& io, const models::ModelShape& model) {
  io.value("name", model.name);
  io.value("layers", model.layers);
  io.value("hidden", model.hidden);
  io.value("q_heads", model.q_heads);
  io.value("kv_heads", model.kv_heads);
  io.value("head_dim", model.head_dim);
  io.value("dense_ffn", model.dense_ffn);
  io.value("vocab", model.vocab);
  io.value("experts", model.experts);
  io.value("top_k", model.top_k);
  io.value("moe_ffn", model.moe_ffn);
  io.value("shared_experts", model.shared_experts);
  io.value("dense_layers", model.dense_layers);
  io.value("mla_kv_lora", model.mla_kv_lora);
  io.value("mla_rope_dim", model.mla_rope_dim);
  io.value("mla_q_lora", model.mla_q_lora);
  io.value("mla_nope_dim", model.mla_nope_dim);
  io.value("mla_v_dim", model.mla_v_dim);
  io.value("window", model.window);
  io.value("window_layers", model.window_layers);
  io.value("max_context", model.max_context);
  io.value("parameters", model.params_billion);
  io.value("active_parameters", model.active_params_billion);
  io.value("bytes_per_value", model.bytes_per_value);
}

void read_hardware(FieldReader& io, FieldContext& context, models::GpuSpec& gpu,
                   models::TopologySpec& topology) {
  const YamlSection& section = io.section();
  const YamlSection gpu_section = section.section("gpu");
  const auto name = gpu_section.optional<std::string>("name", "inline");
  gpu = models::read_gpu(gpu_section, name);
  const YamlSection pcie = gpu_section.section("pcie");
  pcie.maybe<std::string>("name");
  check_rate(gpu_section, "memory_bandwidth", gpu.memory_bandwidth, gpu_memory_limit, context);
  check_rate(pcie, "bandwidth", gpu.pcie.bandwidth, gpu_link_limit, context);

  if (const auto nic = section.optional_section("nic")) {
    topology.serving_nic = topology.storage_nic = read_link(*nic, nic_limit, context);
  }
  const bool both = section.has("nic");
  if (!both || section.has("serving_nic")) {
    topology.serving_nic = read_link(section.section("serving_nic"), nic_limit, context);
  }
  if (!both || section.has("storage_nic")) {
    topology.storage_nic = read_link(section.section("storage_nic"), nic_limit, context);
  }
  io.rate("host_dram", topology.host_dram, dram_limit);
  io.rate("storage_dram", topology.storage_dram, dram_limit);
  io.rate("pcie_switch", topology.pcie_switch, gpu_link_limit);
}

void write_hardware(FieldWriter& io, const models::GpuSpec& gpu,
                    const models::TopologySpec& topology) {
  io.group("gpu", [&](FieldWriter& inner) {
    inner.value("name", gpu.name);
    inner.value("memory", gpu.memory);
    inner.share("usable_memory", gpu.usable_memory);
    inner.value("memory_bandwidth", gpu.memory_bandwidth);
    inner.value("bf16", gpu.bf16);
    if (!gpu.kernel_tables.empty()) inner.value("kernel_tables", gpu.kernel_tables);
    inner.value("compute_overhead", gpu.compute_overhead);
    inner.group("pcie", [&](FieldWriter& link) { write_link(link, gpu.pcie); });
    inner.group("interference", [&](FieldWriter& part) {
      part.value("copy_slows_compute", gpu.interference.copy_slows_compute);
      part.value("compute_slows_copy", gpu.interference.compute_slows_copy);
    });
  });
  io.group("serving_nic", [&](FieldWriter& link) { write_link(link, topology.serving_nic); });
  io.group("storage_nic", [&](FieldWriter& link) { write_link(link, topology.storage_nic); });
  io.rate("host_dram", topology.host_dram, dram_limit);
  io.rate("storage_dram", topology.storage_dram, dram_limit);
  io.rate("pcie_switch", topology.pcie_switch, gpu_link_limit);
}

}  // namespace calvo::scenarios
