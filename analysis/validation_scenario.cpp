#include "analysis/validation_scenario.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "analysis/run_directory.hpp"
#include "core/yaml_tree.hpp"

namespace calvo::analysis {
namespace {

constexpr std::array<std::string_view, 8> compared = {
    "engine", "routing", "model", "topology", "block_tokens", "memory", "workload", "slo"};

/// What a calibration says of these is not the scenario's.
constexpr std::array<std::string_view, 2> calibrated = {"engine.costs", "topology.round_trip"};

std::string value_text(const YamlNode* node) {
  if (node == nullptr) return "missing";
  return node->kind == YamlNode::Kind::scalar ? fmt::format("\"{}\"", node->text) : "a mapping";
}

std::optional<std::string> difference(const YamlNode* node, const YamlNode* reference,
                                      const std::string& path);

std::optional<std::string> first_below(const YamlNode& node, const YamlNode& reference,
                                       const std::string& path) {
  for (const YamlNode::Entry& entry : reference.entries) {
    if (auto found = difference(node.find(entry.key), &entry.value, path + "." + entry.key)) {
      return found;
    }
  }
  for (const YamlNode::Entry& entry : node.entries) {
    if (reference.find(entry.key) == nullptr) {
      return difference(&entry.value, nullptr, path + "." + entry.key);
    }
  }
  for (std::size_t i = 0; i < node.items.size() && i < reference.items.size(); ++i) {
    const std::string item = fmt::format("{}.{}", path, i);
    if (auto found = difference(&node.items[i], &reference.items[i], item)) return found;
  }
  return std::nullopt;
}

std::optional<std::string> difference(const YamlNode* node, const YamlNode* reference,
                                      const std::string& path) {
  if (node == nullptr && reference == nullptr) return std::nullopt;
  if (std::ranges::find(calibrated, path) != calibrated.end()) return std::nullopt;
  if (node == nullptr || reference == nullptr || node->kind != reference->kind ||
      node->text != reference->text) {
    return fmt::format("{} is {}, and in its prediction {}", path, value_text(node),
                       value_text(reference));
  }
  if (node->items.size() != reference->items.size()) {
    return fmt::format("{} has {} items, and in its prediction {}", path, node->items.size(),
                       reference->items.size());
  }
  return first_below(*node, *reference, path);
}

}  // namespace

std::optional<std::string> scenario_difference(const std::string& directory,
                                               const std::string& reference) {
  const std::string file = directory + "/" + scenario_file;
  const std::string reference_file = reference + "/" + scenario_file;
  if (!std::filesystem::exists(file) || !std::filesystem::exists(reference_file)) {
    return std::nullopt;
  }
  const YamlNode tree = read_yaml_file(file);
  const YamlNode reference_tree = read_yaml_file(reference_file);
  for (const std::string_view key : compared) {
    if (auto found = difference(tree.find(key), reference_tree.find(key), std::string(key))) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace calvo::analysis
