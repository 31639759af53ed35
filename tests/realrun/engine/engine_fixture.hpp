// A small model, a few storage nodes on loopback and scenarios that fill every tier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/event_log.hpp"
#include "realrun/engine/realrun.hpp"
#include "realrun/node/node_server.hpp"
#include "scenarios/load.hpp"

namespace calvo::realrun::testing {

/// Two nodes, small tiers, requests that share prefixes. `overrides` as of --set.
scenarios::Scenario small_scenario(std::vector<std::string> overrides = {});

enum class Contents { empty, initial };  ///< initial: what the scenario says, synthetic

/// Storage node `node` of the scenario, on any free port of loopback, over tcp.
NodeOptions node_options(const scenarios::Scenario& scenario, Contents contents, std::uint32_t node,
                         const FaultScript& faults = {});

/// Its storage nodes, in this process.
class Nodes {
public:
  using Contents = testing::Contents;

  Nodes(const scenarios::Scenario& scenario, Contents contents,
        std::vector<FaultScript> faults = {});

  std::vector<Endpoint> endpoints() const;
  NodeServer& operator[](std::size_t node) { return *nodes_[node]; }
  void kill(std::size_t node) { nodes_[node].reset(); }
  std::uint64_t stored_blocks() const;

private:
  std::vector<std::unique_ptr<NodeServer>> nodes_;
};

RealrunOptions options_for(std::vector<Endpoint> nodes);
RealrunOptions options_for(const Nodes& nodes);

struct Recorded {
  RealrunResult result;
  std::vector<std::byte> log;
};

Recorded record(scenarios::Scenario& scenario, const RealrunOptions& options);

/// The log's first difference from what fresh reducers command; empty: none.
std::string replay_difference(const Recorded& recorded, const scenarios::Scenario& scenario);

/// The largest distance between two logits of a request that both have; -1 if one lacks any.
double largest_distance(const RealrunResult& a, const RealrunResult& b);

std::int64_t ended(const RealrunResult& result);
std::int64_t completed(const RealrunResult& result);

/// The names of the engines in scenarios/engines/.
std::vector<std::string> engine_names();

int open_descriptors();
int threads();

}  // namespace calvo::realrun::testing
