// Is a storage node what the scenario says that it is?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "realrun/node/node_client.hpp"
#include "realrun/wire/endpoint.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

/// Throws InputError if the node says that it is another one of its scenario's nodes than `index`.
void check_index(const NodeInfo& node, const Endpoint& endpoint, std::uint32_t index);

/// What of its pool is not as the scenario says at the start of a run, a sentence each. Where a
/// node was started without a scenario, nothing is known but what engines have written.
std::vector<std::string> doubts_about(const NodeInfo& node, const Endpoint& endpoint,
                                      std::uint32_t index, const scenarios::Scenario& scenario);

}  // namespace calvo::realrun
