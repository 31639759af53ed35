#include "realrun/engine/node_checks.hpp"

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "realrun/engine/local_nodes.hpp"
#include "realrun/wire/messages.hpp"

namespace calvo::realrun {

void check_index(const NodeInfo& node, const Endpoint& endpoint, std::uint32_t index) {
  if (!node.index || *node.index == index) return;
  throw InputError({"storage node", 0, 0}, endpoint.text(),
                   fmt::format("it is node {} of its scenario, and was given as node {}; give "
                               "--node in the scenario's order",
                               *node.index, index));
}

std::vector<std::string> doubts_about(const NodeInfo& node, const Endpoint& endpoint,
                                      std::uint32_t index, const scenarios::Scenario& scenario) {
  std::vector<std::string> doubts;
  const std::string name = "storage node " + endpoint.text();
  if (node.index && node.capacity_blocks != scenario.remote_blocks) {
    doubts.push_back(fmt::format("{} has room for {} blocks, and the scenario says {}", name,
                                 node.capacity_blocks, scenario.remote_blocks));
  }
  if (node.index && node.preloaded != digest_of(initial_share(scenario, index))) {
    doubts.push_back(fmt::format(
        "{} was not filled with what the scenario says lies there: hits are not the scenario's; "
        "start it with the same --scenario and --set, and with --preload scenario",
        name));
  }
  if (node.written_blocks > 0) {
    doubts.push_back(
        fmt::format("{} holds up to {} block{} more than the scenario preloads, of an earlier run: "
                    "hits are not "
                    "the scenario's; start it anew before each run",
                    name, node.written_blocks, node.written_blocks == 1 ? "" : "s"));
  }
  return doubts;
}

}  // namespace calvo::realrun
