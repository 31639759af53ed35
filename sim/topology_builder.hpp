// From the description of a cluster to a Topology. For topology*.cpp only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/link_graph.hpp"
#include "sim/topology.hpp"

namespace calvo::sim {

/// Lays out devices and cables in a graph, then finds every route once and writes it down.
class TopologyBuilder {
public:
  TopologyBuilder(const models::TopologySpec& spec, BytesPerSecond pcie, Topology& topology);

  void build();

private:
  /// A memory and the vertices through which the network reaches it.
  struct Node {
    Vertex memory{};
    std::vector<Vertex> ports;
  };

  MaybeLink link(const std::string& name, ResourceKind kind, double capacity);
  Vertex vertex(const MaybeLink& link = std::nullopt) { return boost::add_vertex(link, graph_); }
  void edge(Vertex from, Vertex to, const MaybeLink& link = std::nullopt) {
    boost::add_edge(from, to, link, graph_);
  }

  Node node(const std::string& name, BytesPerSecond dram);
  void add_nics(Node& node, const std::string& name, Vertex fabric, std::int32_t count,
                BytesPerSecond bandwidth);
  std::vector<Vertex> lay_fabric();
  void lay_nodes(const std::vector<Vertex>& fabric);
  void lay_gpus(std::int32_t serving_node);
  void compile_network();
  void compile_pcie();
  Topology::Choice write(const std::vector<Route>& routes);

  const models::TopologySpec& spec_;
  BytesPerSecond pcie_;
  Topology& topology_;
  LinkGraph graph_;
  std::vector<Node> serving_;
  std::vector<Node> storage_;
  std::vector<Vertex> gpus_;  ///< [instance][gpu]
};

}  // namespace calvo::sim
