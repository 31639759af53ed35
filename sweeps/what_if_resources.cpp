#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "core/parse.hpp"
#include "sweeps/tree_path.hpp"
#include "sweeps/values.hpp"
#include "sweeps/what_if.hpp"

namespace calvo::sweeps {
namespace {

/// How a key says that there is more of something.
enum class Grows { rate, compute_rate, size, count, time, factor };

struct Part {
  std::string key;
  Grows grows;
};

struct Resource {
  const char* name;
  std::vector<Part> parts;  ///< grow together; the first that is there is shown
};

template <class T>
std::optional<T> parsed(const std::string& text) {
  try {
    return parse_as<T>(text);
  } catch (const std::invalid_argument&) {  // "unlimited", "none", "auto"
    return std::nullopt;
  }
}

std::int64_t more_of(std::int64_t count, double more) {
  return std::max<std::int64_t>(count + 1, std::llround(static_cast<double>(count) * more));
}

/// A tier: "4 GiB" or "29 blocks".
std::optional<std::string> more_memory(const std::string& text, double more) {
  constexpr std::string_view blocks = " blocks";
  if (text.ends_with(blocks)) {
    const auto count = parsed<std::int64_t>(text.substr(0, text.size() - blocks.size()));
    if (!count || *count == 0) return std::nullopt;
    return calvo::to_text(more_of(*count, more)) + std::string(blocks);
  }
  const auto size = parsed<Bytes>(text);
  if (!size || size->count() == 0) return std::nullopt;
  return calvo::to_text(Bytes{std::llround(static_cast<double>(size->count()) * more)});
}

/// What the key is to say; none if there is nothing to grow.
std::optional<std::string> grown(const std::string& text, Grows grows, double more) {
  switch (grows) {
    case Grows::rate:
      if (const auto rate = parsed<BytesPerSecond>(text)) {
        return calvo::to_text(BytesPerSecond{rate->count() * more});
      }
      return std::nullopt;
    case Grows::compute_rate:
      if (const auto rate = parsed<FlopsPerSecond>(text)) {
        return calvo::to_text(FlopsPerSecond{rate->count() * more});
      }
      return std::nullopt;
    case Grows::size:
      return more_memory(text, more);
    case Grows::count:
      if (const auto count = parsed<std::int64_t>(text))
        return calvo::to_text(more_of(*count, more));
      return std::nullopt;
    case Grows::time:
      if (const auto time = parsed<Seconds>(text); time && *time > Seconds{0}) {
        return calvo::to_text(Seconds{*time / more});
      }
      return std::nullopt;
    case Grows::factor:
      if (const auto factor = parsed<double>(text)) return calvo::to_text(*factor / more);
      return std::nullopt;
  }
  return std::nullopt;
}

/// "bandwidth 12.1 GB/s -> 15.125 GB/s": in the unit that it was in, to five digits.
std::string detail_of(const Part& part, const std::string& was, const std::string& is,
                      double more) {
  const auto before = read_quantity(was);
  const bool whole = !before || before->unit.empty() || before->unit == "blocks";
  const bool less = part.grows == Grows::time || part.grows == Grows::factor;
  const std::string key = part.key.substr(part.key.rfind('.') + 1);
  if (whole && part.grows != Grows::factor) return fmt::format("{} {} -> {}", key, was, is);
  const double after = less ? before->number / more : before->number * more;
  return fmt::format("{} {} -> {:.5g}{}{}", key, was, after, before->unit.empty() ? "" : " ",
                     before->unit);
}

/// All that occupies a link; its latency is the network's.
std::vector<Part> link(const YamlNode& tree, const std::string& key) {
  std::vector<Part> parts = {{key + ".bandwidth", Grows::rate},
                             {key + ".per_operation", Grows::time}};
  const YamlNode* curve = node_at(tree, key + ".curve");
  for (std::size_t i = 0; curve != nullptr && i < curve->items.size(); ++i) {
    parts.push_back({fmt::format("{}.curve.{}.bandwidth", key, i), Grows::rate});
  }
  return parts;
}

void add_network(std::vector<Resource>& resources, const YamlNode& tree) {
  const std::string kind = text_at(tree, "topology.kind");
  if (text_at(tree, "topology.storage_nodes") == "0") return;
  resources.push_back(
      {kind == "single_node" ? "pool link" : "storage NIC", link(tree, "hardware.storage_nic")});
  if (kind != "single_node") {
    resources.push_back({"serving NIC", link(tree, "hardware.serving_nic")});
  }
  if (kind == "leaf_spine") {
    resources.push_back({"leaf up-links", {{"topology.oversubscription", Grows::factor}}});
  }
  resources.push_back({"network latency",
                       {{"topology.round_trip", Grows::time},
                        {"hardware.serving_nic.latency", Grows::time},
                        {"hardware.storage_nic.latency", Grows::time}}});
  resources.push_back({"storage DRAM bandwidth", {{"hardware.storage_dram", Grows::rate}}});
  resources.push_back({"pool memory", {{"memory.remote", Grows::size}}});
}

void add_gpu(std::vector<Resource>& resources, const YamlNode& tree) {
  const std::string compute = text_at(tree, "truth.compute");
  if (compute == "linear") {
    resources.push_back({"GPU compute",
                         {{"truth.per_token", Grows::time},
                          {"truth.per_pair", Grows::time},
                          {"truth.prefill_fixed", Grows::time}}});
    resources.push_back({"GPU memory bandwidth",
                         {{"truth.decode_fixed", Grows::time},
                          {"truth.per_sequence", Grows::time},
                          {"truth.per_context_token", Grows::time}}});
  } else if (compute == "roofline") {
    resources.push_back({"GPU compute", {{"hardware.gpu.bf16", Grows::compute_rate}}});
    resources.push_back({"GPU memory bandwidth", {{"hardware.gpu.memory_bandwidth", Grows::rate}}});
  } else {
    // Measured kernels know no such parts: all of them become quicker.
    resources.push_back({"GPU compute", {{"hardware.gpu.compute_overhead", Grows::factor}}});
  }
  const bool whole = text_at(tree, "memory.gpu") == "auto";
  resources.push_back(
      {"GPU memory", {{whole ? "hardware.gpu.memory" : "memory.gpu", Grows::size}}});
}

std::vector<Resource> resources_of(const YamlNode& tree) {
  std::vector<Resource> resources;
  add_network(resources, tree);
  resources.push_back({"PCIe lane", link(tree, "hardware.gpu.pcie")});
  resources.push_back({"PCIe switch", {{"hardware.pcie_switch", Grows::rate}}});
  resources.push_back({"host DRAM bandwidth", {{"hardware.host_dram", Grows::rate}}});
  resources.push_back({"host memory", {{"memory.host", Grows::size}}});
  add_gpu(resources, tree);
  resources.push_back({"token budget", {{"engine.token_budget", Grows::count}}});
  resources.push_back({"chunk size", {{"engine.chunk_tokens", Grows::count}}});
  resources.push_back({"running requests", {{"engine.max_running", Grows::count}}});
  resources.push_back({"engine software",
                       {{"engine.costs.step", Grows::time},
                        {"engine.costs.operation", Grows::time},
                        {"engine.costs.lookup", Grows::time}}});
  return resources;
}

}  // namespace

std::vector<Change> resource_changes(const WrittenOut& scenario, double more) {
  CALVO_EXPECT(more > 1);
  std::vector<Change> changes;
  for (const Resource& resource : resources_of(scenario.tree)) {
    Change change;
    change.name = fmt::format("{} {:+.4g} %", resource.name, 100 * (more - 1));
    for (const Part& part : resource.parts) {
      const std::string was = text_at(scenario.tree, part.key);
      const auto is = grown(was, part.grows, more);
      if (!is || *is == was) continue;
      if (change.detail.empty()) change.detail = detail_of(part, was, *is, more);
      change.settings.push_back(setting(part.key, *is));
    }
    if (change.settings.empty()) continue;
    // It may be more than anybody sells.
    change.settings.push_back(setting("allow_unphysical", "true"));
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace calvo::sweeps
