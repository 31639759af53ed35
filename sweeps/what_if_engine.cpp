#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "control/engine_config.hpp"
#include "core/parse.hpp"
#include "policies/registry.hpp"
#include "sweeps/tree_path.hpp"
#include "sweeps/what_if.hpp"

namespace calvo::sweeps {
namespace {

using control::names;
using scenarios::Setting;

struct Switch {
  const char* key;
  std::span<const std::string_view> values;
};

/// The switches that are a word, in the order of docs/scenario.md.
std::vector<Switch> word_switches() {
  return {{"coupling", names<control::Coupling>()},
          {"network_start", names<control::NetworkStart>()},
          {"pcie_start", names<control::PcieStart>()},
          {"gpu_memory", names<control::GpuMemory>()},
          {"no_space", names<control::NoSpace>()},
          {"load_admission", names<control::LoadAdmission>()},
          {"load_stop", names<control::LoadStop>()},
          {"late", names<control::Late>()},
          {"cut", names<control::Cut>()},
          {"step_waits_for", names<control::StepWaitsFor>()},
          {"completion_seen", names<control::CompletionSeen>()},
          {"preempt", names<control::Preempt>()},
          {"write", names<control::Write>()},
          {"restore", names<control::Restore>()}};
}

/// Switches that are a number: what "unbounded" is for it, and a usual number where it is that.
struct Count {
  const char* key;
  const char* unbounded;  ///< null: there is no such value
  std::int64_t usual;
};
constexpr Count counts[] = {{"network_window.operations", "unbounded", 2},
                            {"pcie_window.operations", "unbounded", 2},
                            {"network_window.bytes", "unbounded", 64LL << 20},
                            {"pcie_window.bytes", "unbounded", 64LL << 20},
                            {"run_blocks", "unbounded", 16},
                            {"prefetch_requests", "0", 16},
                            {"concurrent_prefills", nullptr, 0},
                            {"token_budget", "unbounded", 8192},
                            {"chunk_tokens", "unbounded", 2048}};

class EngineChanges {
public:
  explicit EngineChanges(const YamlNode& tree) : tree_(tree) {}

  void to(const std::string& key, const std::string& value) {
    const std::string was = text_at(tree_, "engine." + key);
    if (value == was) return;
    add(fmt::format("{}: {}", key, value), "was " + was, {setting("engine." + key, value)});
  }

  void add(std::string name, std::string detail, std::vector<Setting> settings) {
    changes_.push_back(
        {ChangeKind::engine, std::move(name), std::move(detail), std::move(settings), {}, {}});
  }

  void count(const Count& count) {
    const std::string key = std::string("engine.") + count.key;
    const std::string was = text_at(tree_, key);
    const bool bytes = key.ends_with(".bytes");
    const auto text = [&](std::int64_t value) {
      return bytes ? calvo::to_text(Bytes{value}) : calvo::to_text(value);
    };
    if (count.unbounded != nullptr && was == count.unbounded) {
      to(count.key, text(count.usual));
      return;
    }
    std::int64_t value = 0;
    try {
      value = bytes ? parse_as<Bytes>(was).count() : parse_as<std::int64_t>(was);
    } catch (const std::invalid_argument&) {  // the scenario has no such switch
      return;
    }
    if (value >= 2) to(count.key, text(value / 2));
    to(count.key, text(value * 2));
    if (count.unbounded != nullptr) to(count.key, count.unbounded);
  }

  std::vector<Change> take() { return std::move(changes_); }

private:
  const YamlNode& tree_;
  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> engine_changes(const WrittenOut& scenario) {
  EngineChanges changes(scenario.tree);
  for (const Switch& each : word_switches()) {
    for (const std::string_view value : each.values) changes.to(each.key, std::string(value));
  }
  constexpr const char* stages[] = {"network_order", "pcie_order", "prefill_order"};
  for (const auto& order : policies::orders()) {
    std::vector<Setting> all;
    for (const char* stage : stages) {
      all.push_back(setting(fmt::format("engine.{}.policy", stage), std::string(order.name)));
    }
    changes.add(fmt::format("order: {}", order.name), "all three orders", std::move(all));
  }
  for (const char* stage : stages) {
    for (const auto& order : policies::orders()) {
      changes.to(fmt::format("{}.policy", stage), std::string(order.name));
    }
  }
  for (const Count& each : counts) changes.count(each);
  if (text_at(scenario.tree, "topology.serving_nodes") != "1" ||
      text_at(scenario.tree, "topology.instances_per_node") != "1") {
    const std::string was = text_at(scenario.tree, "routing");
    for (const auto& routing : policies::routings()) {
      changes.add(fmt::format("routing: {}", routing.name), "was " + was,
                  {setting("routing", std::string(routing.name))});
    }
  }
  return changes.take();
}

}  // namespace calvo::sweeps
