// The cluster as links: what a transfer between two memories crosses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/run_result.hpp"
#include "models/hardware.hpp"
#include "sim/flow_network.hpp"

namespace calvo::sim {

struct LinkInfo {
  std::string name;
  ResourceKind kind{};
  double capacity = 0;  ///< bytes/s
};

/// Builds the graph of a cluster from its description and compiles the routes through it. Links:
///
///   serving0.nic0.rx, .tx            each direction of each NIC; storage0.nic0.rx, .tx likewise
///   leaf0.spine1.up, .down           leaf_spine: each leaf's cable to each spine
///   serving0.dram, storage0.dram     crossed by all that enters or leaves the memory
///   serving0.pcie_switch0.down, .up  between host and a group of GPUs
///   instance0.gpu0.pcie.h2d, .d2h    a GPU's lane
///
/// A capacity of 0 in the description means no link. The fabric of a star never limits. On a
/// leaf_spine, nodes fill the leaves in order, serving nodes first; traffic within a leaf does not
/// leave it, other traffic takes the spine that a hash of (from, to, run) names. An up-link has
/// the capacity of the NICs below its leaf / (oversubscription * spines).
///
/// Instances lie on the nodes in order. Those of a node share its NICs out in turn; an instance
/// that has several, and a storage node with several, takes them in turn by run number.
class Topology {
public:
  /// `pcie`: one direction of a GPU's lane. Requires: counts > 0; single_node has 1 serving node.
  Topology(const models::TopologySpec& spec, BytesPerSecond pcie, std::int32_t gpus_per_instance);

  /// LinkId i is the i-th.
  std::span<const LinkInfo> links() const { return links_; }

  /// Adds the links, and declares all routes. Requires: the network has no links.
  void install(FlowNetwork& network) const;

  std::int32_t instances() const { return instances_; }
  std::int32_t serving_node(InstanceId instance) const;

  /// Spans live as long as the topology. `run` is any number that tells runs apart.
  std::span<const LinkId> network_load(StorageId from, InstanceId to, std::uint64_t run) const;
  std::span<const LinkId> network_store(InstanceId from, StorageId to, std::uint64_t run) const;
  std::span<const LinkId> pcie_load(InstanceId instance, std::int32_t gpu) const;
  std::span<const LinkId> pcie_store(InstanceId instance, std::int32_t gpu) const;

  /// The lane itself: last link of pcie_load, first of pcie_store.
  LinkId h2d_lane(InstanceId instance, std::int32_t gpu) const;
  LinkId d2h_lane(InstanceId instance, std::int32_t gpu) const;

private:
  friend class TopologyBuilder;

  /// Equal-cost routes, one after the other in `hops_`.
  struct Choice {
    std::uint32_t first = 0;  ///< index into hops_
    std::uint16_t links = 0;  ///< of each route
    std::uint16_t routes = 0;
  };
  std::span<const LinkId> pick(const Choice& choice, std::uint64_t salt) const;
  std::size_t ports_of(StorageId storage, InstanceId instance, std::uint64_t run) const;
  std::size_t lane(InstanceId instance, std::int32_t gpu) const;

  std::int32_t instances_ = 0;
  std::int32_t instances_per_node_ = 0;
  std::int32_t storage_nodes_ = 0;
  std::int32_t gpus_per_instance_ = 0;
  std::int32_t ports_per_serving_node_ = 0;  ///< NICs; single_node: 1, the memory itself
  std::int32_t ports_per_storage_node_ = 0;
  std::vector<LinkInfo> links_;
  std::vector<LinkId> hops_;
  std::vector<Choice> loads_;   ///< [storage port][serving port]
  std::vector<Choice> stores_;  ///< the same, other direction
  std::vector<Choice> h2d_;     ///< [instance][gpu]
  std::vector<Choice> d2h_;
};

}  // namespace calvo::sim
