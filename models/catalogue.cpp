#include "models/catalogue.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/suggest.hpp"

namespace calvo::models {

namespace {

// `key: 3 GB/s` or `key: {value: 3 GB/s, source: ...}`.
template <class T>
T sourced(const YamlSection& section, std::string_view key, const Range<T>& range) {
  if (!section.is_map(key)) return section.required<T>(key, range);
  const YamlSection quantity = section.section(key);
  quantity.maybe<std::string>("source");
  return quantity.required<T>("value", range);
}

template <class Kind>
const Kind* find_by_name(const std::vector<Kind>& kinds, std::string_view name) {
  const auto found = std::ranges::find(kinds, name, &Kind::name);
  return found == kinds.end() ? nullptr : &*found;
}

std::vector<LinkKind> read_links(const YamlSection& root, std::string_view key) {
  std::vector<LinkKind> links;
  const YamlSection section = root.section(key);
  for (const std::string& name : section.keys()) {
    links.push_back({name, read_transfer_model(section.section(name))});
  }
  return links;
}

}  // namespace

Catalogue Catalogue::load(const std::string& directory) {
  Catalogue catalogue;
  const YamlSection models = YamlSection::load_file(directory + "/models.yaml");
  for (const std::string& name : models.keys()) {
    catalogue.models.push_back(read_model(models.section(name), name));
  }
  models.reject_unknown_keys();

  const YamlSection hardware = YamlSection::load_file(directory + "/hardware.yaml");
  const YamlSection gpus = hardware.section("gpus");
  for (const std::string& name : gpus.keys()) {
    catalogue.gpus.push_back(read_gpu(gpus.section(name), name));
  }
  catalogue.pcie = read_links(hardware, "pcie");
  catalogue.nics = read_links(hardware, "nics");
  catalogue.storage = read_links(hardware, "storage");
  const YamlSection dram = hardware.section("host_dram");
  for (const std::string& name : dram.keys()) {
    const YamlSection kind = dram.section(name);
    kind.maybe<std::string>("source");
    catalogue.host_dram.push_back(
        {name, kind.required<BytesPerSecond>("bandwidth", positive<BytesPerSecond>())});
  }
  hardware.reject_unknown_keys();
  return catalogue;
}

const ModelShape* Catalogue::find_model(std::string_view name) const {
  return find_by_name(models, name);
}
const GpuSpec* Catalogue::find_gpu(std::string_view name) const {
  return find_by_name(gpus, name);
}
const LinkKind* Catalogue::find_pcie(std::string_view name) const {
  return find_by_name(pcie, name);
}
const LinkKind* Catalogue::find_nic(std::string_view name) const {
  return find_by_name(nics, name);
}
const DramKind* Catalogue::find_host_dram(std::string_view name) const {
  return find_by_name(host_dram, name);
}
const LinkKind* Catalogue::find_storage(std::string_view name) const {
  return find_by_name(storage, name);
}

template <class Kind>
std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<Kind>& kinds) {
  return fmt::format("unknown {} \"{}\"{}", what, name, suggestion(name, names_of(kinds)));
}
template std::string unknown_name(std::string_view, std::string_view,
                                  const std::vector<ModelShape>&);
template std::string unknown_name(std::string_view, std::string_view, const std::vector<GpuSpec>&);
template std::string unknown_name(std::string_view, std::string_view, const std::vector<LinkKind>&);
template std::string unknown_name(std::string_view, std::string_view, const std::vector<DramKind>&);

ModelShape read_model(const YamlSection& section, const std::string& name) {
  const auto count = [&](std::string_view key) {
    return section.required<std::int32_t>(key, positive<std::int32_t>());
  };
  const auto optional_count = [&](std::string_view key) {
    return section.optional<std::int32_t>(key, 0, at_least<std::int32_t>(0));
  };
  ModelShape shape;
  shape.name = name;
  shape.layers = count("layers");
  shape.hidden = count("hidden");
  shape.q_heads = count("q_heads");
  shape.kv_heads = count("kv_heads");
  shape.head_dim = count("head_dim");
  shape.dense_ffn = optional_count("dense_ffn");
  shape.vocab = count("vocab");
  shape.experts = optional_count("experts");
  shape.top_k = optional_count("top_k");
  shape.moe_ffn = optional_count("moe_ffn");
  shape.shared_experts = optional_count("shared_experts");
  shape.dense_layers = optional_count("dense_layers");
  shape.mla_kv_lora = optional_count("mla_kv_lora");
  shape.mla_rope_dim = optional_count("mla_rope_dim");
  shape.mla_q_lora = optional_count("mla_q_lora");
  shape.mla_nope_dim = optional_count("mla_nope_dim");
  shape.mla_v_dim = optional_count("mla_v_dim");
  shape.window = optional_count("window");
  shape.window_layers = optional_count("window_layers");
  shape.max_context = section.required<std::int64_t>("max_context", positive<std::int64_t>());
  shape.params_billion = section.required<double>("parameters", positive<double>());
  shape.active_params_billion =
      section.optional<double>("active_parameters", shape.params_billion, positive<double>());
  shape.bytes_per_value = section.optional<std::int32_t>("bytes_per_value", 2, between(1, 4));
  section.maybe<std::string>("source");
  section.maybe<std::string>("note");

  if (shape.q_heads % shape.kv_heads != 0) {
    section.fail("kv_heads",
                 fmt::format("\"{}\" does not divide q_heads ({})", shape.kv_heads, shape.q_heads));
  }
  if (shape.dense_layers > shape.layers) {
    section.fail("dense_layers",
                 fmt::format("\"{}\" is more than layers ({})", shape.dense_layers, shape.layers));
  }
  if (shape.window_layers > shape.layers) {
    section.fail("window_layers",
                 fmt::format("\"{}\" is more than layers ({})", shape.window_layers, shape.layers));
  }
  if (shape.window_layers > 0 && shape.window == 0) {
    section.fail("window_layers", "needs window, the tokens that such a layer attends to");
  }
  if (shape.experts == 0 && shape.dense_layers < shape.layers) {
    section.fail("dense_layers",
                 fmt::format("\"{}\" of {} layers have a dense FFN and there are no experts for "
                             "the others (set dense_layers to {}, or experts)",
                             shape.dense_layers, shape.layers, shape.layers));
  }
  if (shape.experts > 0 && (shape.top_k < 1 || shape.top_k > shape.experts || shape.moe_ffn < 1)) {
    section.fail("experts", "needs top_k between 1 and experts, and moe_ffn");
  }
  if (shape.dense_layers > 0 && shape.dense_ffn < 1) {
    section.fail("dense_layers", "needs dense_ffn, the width of their FFN");
  }
  if (shape.mla_kv_lora > 0 &&
      (shape.mla_rope_dim < 1 || shape.mla_nope_dim < 1 || shape.mla_v_dim < 1)) {
    section.fail("mla_kv_lora", "needs mla_rope_dim, mla_nope_dim and mla_v_dim");
  }
  return shape;
}

TransferModel read_transfer_model(const YamlSection& section) {
  TransferModel link;
  link.latency = section.optional<Seconds>("latency", Seconds{0}, at_least(Seconds{0}));
  link.per_operation = section.optional<Seconds>("per_operation", Seconds{0}, at_least(Seconds{0}));
  link.bandwidth = section.required<BytesPerSecond>("bandwidth", positive<BytesPerSecond>());
  section.maybe<std::string>("source");
  for (const YamlSection& entry : section.sections("curve")) {
    const CurvePoint point{entry.required<Bytes>("size", positive<Bytes>()),
                           entry.required<BytesPerSecond>("bandwidth", positive<BytesPerSecond>())};
    if (!link.curve.empty() && link.curve.back().size >= point.size) {
      entry.fail("size", "sizes of a curve must increase");
    }
    link.curve.push_back(point);
  }
  return link;
}

GpuSpec read_gpu(const YamlSection& section, const std::string& name) {
  GpuSpec gpu;
  gpu.name = name;
  gpu.memory = sourced(section, "memory", positive<Bytes>());
  if (section.has("usable_memory")) {
    gpu.usable_memory = sourced(section, "usable_memory", between(Share{0.01}, Share{1})).value;
  }
  gpu.memory_bandwidth = sourced(section, "memory_bandwidth", positive<BytesPerSecond>());
  gpu.bf16 = sourced(section, "bf16", positive<FlopsPerSecond>());
  gpu.kernel_tables = section.optional<std::string>("kernel_tables", "");
  if (section.has("compute_overhead")) {
    gpu.compute_overhead = sourced(section, "compute_overhead", positive<double>());
  }
  gpu.pcie = read_transfer_model(section.section("pcie"));
  if (const auto interference = section.optional_section("interference")) {
    interference->maybe<std::string>("source");
    gpu.interference.copy_slows_compute =
        interference->optional<double>("copy_slows_compute", 0, at_least(0.0));
    gpu.interference.compute_slows_copy =
        interference->optional<double>("compute_slows_copy", 0, at_least(0.0));
  }
  return gpu;
}

}  // namespace calvo::models
