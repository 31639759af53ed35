// A directed graph of devices whose vertices and edges may be links, and the routes through it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <boost/graph/adjacency_list.hpp>

#include "sim/flow_network.hpp"

namespace calvo::sim {

/// The link that a vertex (a memory) or an edge (a cable) is; nothing where it sets no limit.
using MaybeLink = std::optional<LinkId>;

using LinkGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, MaybeLink, MaybeLink>;
using Vertex = LinkGraph::vertex_descriptor;
using Route = std::vector<LinkId>;

/// Routes with the fewest edges from one vertex to the others. Borrows the graph, which must not
/// change meanwhile. O(vertices + edges) to make.
class ShortestRoutes {
public:
  ShortestRoutes(const LinkGraph& graph, Vertex from);

  /// All equal-cost routes, in the order in which their edges were added: links of the vertices
  /// (both ends included) and edges along the way. Empty if there is no way.
  std::vector<Route> to(Vertex target) const;

private:
  const LinkGraph& graph_;
  Vertex from_;
  std::vector<std::size_t> distance_;  ///< edges from `from`; unreachable: 0, as `from` itself
};

}  // namespace calvo::sim
