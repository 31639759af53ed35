#include "sim/topology_builder.hpp"

#include <algorithm>
#include <limits>

#include "core/contract.hpp"

namespace calvo::sim {
namespace {

std::string numbered(const std::string& what, std::size_t number) {
  return what + std::to_string(number);
}

Route joined(const MaybeLink& before, const Route& route, const MaybeLink& after) {
  Route all;
  if (before) all.push_back(*before);
  all.insert(all.end(), route.begin(), route.end());
  if (after) all.push_back(*after);
  return all;
}

}  // namespace

TopologyBuilder::TopologyBuilder(const models::TopologySpec& spec, BytesPerSecond pcie,
                                 Topology& topology)
    : spec_(spec), pcie_(pcie), topology_(topology) {}

void TopologyBuilder::build() {
  lay_nodes(lay_fabric());
  for (std::int32_t node = 0; node < spec_.serving_nodes; ++node) lay_gpus(node);
  compile_network();
  compile_pcie();
}

MaybeLink TopologyBuilder::link(const std::string& name, ResourceKind kind, double capacity) {
  CALVO_EXPECT(capacity >= 0);
  if (capacity == 0) return std::nullopt;
  topology_.links_.push_back({name, kind, capacity});
  return LinkId{static_cast<std::uint32_t>(topology_.links_.size() - 1)};
}

TopologyBuilder::Node TopologyBuilder::node(const std::string& name, BytesPerSecond dram) {
  return {vertex(link(name + ".dram", ResourceKind::dram, dram.count())), {}};
}

void TopologyBuilder::add_nics(Node& node, const std::string& name, Vertex fabric,
                               std::int32_t count, BytesPerSecond bandwidth) {
  for (std::int32_t i = 0; i < count; ++i) {
    const std::string nic = numbered(name + ".nic", static_cast<std::size_t>(i));
    const Vertex port = vertex();
    edge(fabric, port, link(nic + ".rx", ResourceKind::network, bandwidth.count()));
    edge(port, fabric, link(nic + ".tx", ResourceKind::network, bandwidth.count()));
    node.ports.push_back(port);
  }
}

// The switch that each node hangs on, by node, serving nodes first. None in a single node.
std::vector<Vertex> TopologyBuilder::lay_fabric() {
  if (spec_.kind == models::TopologyKind::single_node) return {};
  const auto nodes =
      static_cast<std::size_t>(spec_.serving_nodes) + static_cast<std::size_t>(spec_.storage_nodes);
  if (spec_.kind == models::TopologyKind::star) return std::vector<Vertex>(nodes, vertex());

  CALVO_EXPECT(spec_.nodes_per_leaf > 0 && spec_.spines > 0 && spec_.oversubscription > 0);
  const auto per_leaf = static_cast<std::size_t>(spec_.nodes_per_leaf);
  std::vector<double> below((nodes + per_leaf - 1) / per_leaf, 0.0);
  for (std::size_t i = 0; i < nodes; ++i) {
    const bool serving = i < static_cast<std::size_t>(spec_.serving_nodes);
    const models::TransferModel& nic = serving ? spec_.serving_nic : spec_.storage_nic;
    below[i / per_leaf] += nic.bandwidth.count() *
                           (serving ? spec_.nics_per_serving_node : spec_.nics_per_storage_node);
  }
  std::vector<Vertex> spines;
  spines.reserve(static_cast<std::size_t>(spec_.spines));
  for (std::int32_t i = 0; i < spec_.spines; ++i) spines.push_back(vertex());
  std::vector<Vertex> fabric;
  for (std::size_t leaf = 0; leaf < below.size(); ++leaf) {
    const Vertex here = vertex();
    const double capacity = below[leaf] / (spec_.oversubscription * spec_.spines);
    for (std::size_t spine = 0; spine < spines.size(); ++spine) {
      const std::string cable = numbered(numbered("leaf", leaf) + ".spine", spine);
      edge(here, spines[spine], link(cable + ".up", ResourceKind::network, capacity));
      edge(spines[spine], here, link(cable + ".down", ResourceKind::network, capacity));
    }
    for (std::size_t i = leaf * per_leaf; i < std::min(nodes, (leaf + 1) * per_leaf); ++i) {
      fabric.push_back(here);
    }
  }
  return fabric;
}

void TopologyBuilder::lay_nodes(const std::vector<Vertex>& fabric) {
  const bool alone = fabric.empty();
  for (std::int32_t i = 0; i < spec_.serving_nodes; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::string name = numbered("serving", at);
    serving_.push_back(node(name, spec_.host_dram));
    if (alone) {
      serving_.back().ports.push_back(serving_.back().memory);
    } else {
      add_nics(serving_.back(), name, fabric[at], spec_.nics_per_serving_node,
               spec_.serving_nic.bandwidth);
    }
  }
  for (std::int32_t i = 0; i < spec_.storage_nodes; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::string name = numbered("storage", at);
    storage_.push_back(node(name, spec_.storage_dram));
    const Vertex into = alone ? serving_.front().memory : fabric[serving_.size() + at];
    add_nics(storage_.back(), name, into, spec_.nics_per_storage_node, spec_.storage_nic.bandwidth);
  }
}

void TopologyBuilder::lay_gpus(std::int32_t serving_node) {
  const Node& host = serving_[static_cast<std::size_t>(serving_node)];
  const std::string name = numbered("serving", static_cast<std::size_t>(serving_node));
  const std::int32_t gpus = topology_.instances_per_node_ * topology_.gpus_per_instance_;
  Vertex above = host.memory;
  for (std::int32_t gpu = 0; gpu < gpus; ++gpu) {
    if (spec_.gpus_per_pcie_switch > 0 && gpu % spec_.gpus_per_pcie_switch == 0) {
      const auto number = static_cast<std::size_t>(gpu / spec_.gpus_per_pcie_switch);
      const std::string bridge = numbered(name + ".pcie_switch", number);
      above = vertex();
      const double capacity = spec_.pcie_switch.count();
      edge(host.memory, above, link(bridge + ".down", ResourceKind::pcie, capacity));
      edge(above, host.memory, link(bridge + ".up", ResourceKind::pcie, capacity));
    }
    const std::int32_t instance =
        serving_node * topology_.instances_per_node_ + gpu / topology_.gpus_per_instance_;
    const std::string lane =
        numbered(numbered("instance", static_cast<std::size_t>(instance)) + ".gpu",
                 static_cast<std::size_t>(gpu % topology_.gpus_per_instance_)) +
        ".pcie";
    const Vertex device = vertex();
    edge(above, device, link(lane + ".h2d", ResourceKind::pcie, pcie_.count()));
    edge(device, above, link(lane + ".d2h", ResourceKind::pcie, pcie_.count()));
    gpus_.push_back(device);
  }
}

Topology::Choice TopologyBuilder::write(const std::vector<Route>& routes) {
  CALVO_EXPECT(!routes.empty() && !routes.front().empty());
  std::vector<LinkId>& hops = topology_.hops_;
  CALVO_EXPECT(hops.size() < std::numeric_limits<std::uint32_t>::max());
  const Topology::Choice choice{static_cast<std::uint32_t>(hops.size()),
                                static_cast<std::uint16_t>(routes.front().size()),
                                static_cast<std::uint16_t>(routes.size())};
  for (const Route& route : routes) {
    CALVO_EXPECT(route.size() == routes.front().size());
    hops.insert(hops.end(), route.begin(), route.end());
  }
  return choice;
}

void TopologyBuilder::compile_network() {
  const auto compile = [&](const Node& from, Vertex port, const std::vector<Node>& targets,
                           auto&& put) {
    const ShortestRoutes routes(graph_, port);
    // A port that is its memory itself (single node) already stands for the memory's link.
    const MaybeLink before = port == from.memory ? std::nullopt : graph_[from.memory];
    for (const Node& target : targets) {
      for (const Vertex end : target.ports) {
        const MaybeLink after = end == target.memory ? std::nullopt : graph_[target.memory];
        std::vector<Route> found = routes.to(end);
        for (Route& route : found) route = joined(before, route, after);
        put(write(found));
      }
    }
  };
  for (const Node& from : storage_) {
    for (const Vertex port : from.ports) {
      compile(from, port, serving_, [&](Topology::Choice c) { topology_.loads_.push_back(c); });
    }
  }
  const std::size_t storage_ports =
      storage_.size() * static_cast<std::size_t>(topology_.ports_per_storage_node_);
  const std::size_t serving_ports =
      serving_.size() * static_cast<std::size_t>(topology_.ports_per_serving_node_);
  topology_.stores_.resize(storage_ports * serving_ports);
  std::size_t serving_port = 0;
  for (const Node& from : serving_) {
    for (const Vertex port : from.ports) {
      std::size_t storage_port = 0;
      compile(from, port, storage_, [&](Topology::Choice c) {
        topology_.stores_[storage_port++ * serving_ports + serving_port] = c;
      });
      ++serving_port;
    }
  }
}

void TopologyBuilder::compile_pcie() {
  const auto per_node = static_cast<std::size_t>(topology_.instances_per_node_) *
                        static_cast<std::size_t>(topology_.gpus_per_instance_);
  for (std::size_t i = 0; i < gpus_.size(); ++i) {
    const Vertex memory = serving_[i / per_node].memory;
    topology_.h2d_.push_back(write(ShortestRoutes(graph_, memory).to(gpus_[i])));
    topology_.d2h_.push_back(write(ShortestRoutes(graph_, gpus_[i]).to(memory)));
  }
}

}  // namespace calvo::sim
