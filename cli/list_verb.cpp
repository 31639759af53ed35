#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/verb.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/suggest.hpp"
#include "core/yaml_tree.hpp"
#include "policies/registry.hpp"
#include "realrun/devices/device.hpp"
#include "realrun/fabrics/fabric.hpp"
#include "scenarios/expand.hpp"
#include "scenarios/names.hpp"

namespace calvo::cli {
namespace {

struct Row {
  std::string name;
  std::string description;
};
using Rows = std::vector<Row>;

template <class Table>
Rows registered(const Table& table) {
  Rows rows;
  for (const auto& entry : table) {
    rows.push_back({std::string(entry.name), std::string(entry.description)});
  }
  return rows;
}

/// The values of an enum with a description each, in their order.
template <class Enum>
Rows described(const std::vector<std::string_view>& descriptions) {
  const auto names = scenarios::names_of<Enum>();
  CALVO_EXPECT(names.size() == descriptions.size());
  Rows rows;
  for (std::size_t i = 0; i < names.size(); ++i) {
    rows.push_back({std::string(names[i]), std::string(descriptions[i])});
  }
  return rows;
}

template <class Enum>
std::string values() {
  return fmt::format("{}", fmt::join(control::names<Enum>(), " | "));
}

Rows engines() {
  Rows rows;
  for (const scenarios::EngineRow& row :
       scenarios::list_engines(scenarios::default_search_path())) {
    rows.push_back({row.name, row.description});
  }
  return rows;
}

Rows switches() {
  return {{"coupling", values<control::Coupling>()},
          {"network_start", values<control::NetworkStart>()},
          {"pcie_start", values<control::PcieStart>()},
          {"gpu_memory", values<control::GpuMemory>()},
          {"no_space", values<control::NoSpace>()},
          {"load_admission", values<control::LoadAdmission>()},
          {"load_stop", values<control::LoadStop>()},
          {"late", values<control::Late>()},
          {"cut", values<control::Cut>()},
          {"step_waits_for", values<control::StepWaitsFor>()},
          {"completion_seen", values<control::CompletionSeen>()},
          {"preempt", values<control::Preempt>()},
          {"write", values<control::Write>()},
          {"restore", values<control::Restore>()}};
}

/// The text of a scalar, or of its `value`; empty if there is none.
std::string text_of(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.find(key);
  if (node != nullptr && node->kind == YamlNode::Kind::map) node = node->find("value");
  return node == nullptr ? "" : node->text;
}

Rows models() {
  const std::string folder = scenarios::catalogue_folder(scenarios::default_search_path());
  const YamlNode catalogue = read_yaml_file(folder + "/models.yaml");
  Rows rows;
  for (const YamlNode::Entry& entry : catalogue.entries) {
    const YamlNode& model = entry.value;
    rows.push_back(
        {entry.key, fmt::format("{} B parameters, {} active; {} layers, context {}",
                                text_of(model, "parameters"), text_of(model, "active_parameters"),
                                text_of(model, "layers"), text_of(model, "max_context"))});
  }
  return rows;
}

Rows hardware() {
  const std::string folder = scenarios::catalogue_folder(scenarios::default_search_path());
  const YamlNode catalogue = read_yaml_file(folder + "/hardware.yaml");
  Rows rows;
  for (const YamlNode::Entry& section : catalogue.entries) {
    for (const YamlNode::Entry& entry : section.value.entries) {
      const std::string memory = text_of(entry.value, "memory");
      rows.push_back(
          {entry.key, memory.empty()
                          ? fmt::format("{}: {}", section.key, text_of(entry.value, "bandwidth"))
                          : fmt::format("{}: {} at {}, {} bf16", section.key, memory,
                                        text_of(entry.value, "memory_bandwidth"),
                                        text_of(entry.value, "bf16"))});
    }
  }
  return rows;
}

Rows orders() {
  return registered(policies::orders());
}
Rows routings() {
  return registered(policies::routings());
}
Rows restores() {
  return registered(policies::restores());
}

Rows generators() {
  return described<traces::ArrivalKind>(
      {"independent arrivals at a rate",
       "a renewal process of a rate and a coefficient of variation",
       "Poisson whose rate jumps between states", "one request every 1 / rate", "all at the start",
       "the windows of a ServeGen file, scaled to a rate",
       "the dates of a trace, scaled to a rate"});
}

Rows datasets() {
  return described<traces::CalvoDataset>({"long documents, short questions (CALVO's LooGLE mix)",
                                          "many-shot examples (CALVO's ICL mix)",
                                          "code repositories (CALVO's Code mix)"});
}

Rows flow_backends() {
  return described<scenarios::FlowBackend>(
      {"our max-min solver as a model of SimGrid's engine; weights, caps and priorities",
       "SimGrid's own communications: the reference",
       "our solver and clock without SimGrid: the same dates, many in one process"});
}

Rows topologies() {
  return described<models::TopologyKind>(
      {"one machine: the pool lies in the node itself",
       "storage and serving nodes around one non-blocking switch",
       "racks of nodes under leaf switches, with an oversubscribed spine"});
}

Rows fabrics() {
  Rows rows;
  for (const realrun::FabricInfo& fabric : realrun::fabrics()) {
    rows.push_back({fabric.name,
                    fabric.description + (fabric.missing ? "; not here: " + *fabric.missing : "")});
  }
  return rows;
}

Rows devices() {
  Rows rows;
  for (const realrun::DeviceInfo& device : realrun::devices()) {
    rows.push_back(
        {std::string(device.name), std::string(device.description) +
                                       (device.missing ? "; not here: " + *device.missing : "")});
  }
  return rows;
}

struct Kind {
  std::string_view name;
  std::string_view description;
  Rows (*rows)();
};

constexpr Kind kinds[] = {
    {"engines", "loading disciplines with their policies; engine: in a scenario", engines},
    {"switches", "what an engine is made of; engine.KEY", switches},
    {"orders", "who goes first in a stage; engine.network_order and others", orders},
    {"routing", "which instance serves a request; routing:", routings},
    {"restore", "what happens to cached prefixes; engine.restore", restores},
    {"models", "LLM shapes; model:", models},
    {"hardware", "GPUs, NICs and storage with sources; hardware:", hardware},
    {"topologies", "how nodes are wired; topology.kind", topologies},
    {"generators", "arrival processes; workload.synthetic.arrival.kind", generators},
    {"datasets", "workloads of the CALVO paper; workload.synthetic.base", datasets},
    {"flow_backends", "who computes the network; simulation.flow_backend", flow_backends},
    {"fabrics", "how blocks come from storage nodes; calvo realrun --fabric", fabrics},
    {"devices", "what computes in a real run; calvo realrun --device", devices},
};

void print(const Rows& rows) {
  std::size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  for (const Row& row : rows) fmt::print("{:<{}}  {}\n", row.name, width, row.description);
}

int list(const std::string& wanted) {
  if (wanted.empty()) {
    Rows rows;
    for (const Kind& kind : kinds) {
      rows.push_back({std::string(kind.name), std::string(kind.description)});
    }
    print(rows);
    return success;
  }
  const auto* found = std::ranges::find(kinds, wanted, &Kind::name);
  if (found == std::end(kinds)) {
    std::vector<std::string> names;
    for (const Kind& kind : kinds) names.emplace_back(kind.name);
    throw InputError({"calvo list", 0, 0}, "",
                     "unknown kind \"" + wanted + "\"" + suggestion(wanted, names));
  }
  print(found->rows());
  return success;
}

}  // namespace

Verb add_list(CLI::App& program) {
  const auto wanted = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand("list", "Say what a scenario may name");
  command->add_option("KIND", *wanted, "engines, orders, models, ...; without it, the kinds");
  command->footer(
      "Examples:\n"
      "  calvo list\n"
      "  calvo list engines");
  return {command, [wanted] { return list(*wanted); }};
}

}  // namespace calvo::cli
