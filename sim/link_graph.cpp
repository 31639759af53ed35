#include "sim/link_graph.hpp"

#include <algorithm>

#include <boost/graph/breadth_first_search.hpp>

namespace calvo::sim {
namespace {

void append(Route& route, const MaybeLink& link) {
  if (link) route.push_back(*link);
}

}  // namespace

ShortestRoutes::ShortestRoutes(const LinkGraph& graph, Vertex from)
    : graph_(graph), from_(from), distance_(boost::num_vertices(graph), 0) {
  const auto recorder = boost::record_distances(distance_.data(), boost::on_tree_edge());
  boost::breadth_first_search(graph, from, boost::visitor(boost::make_bfs_visitor(recorder)));
}

std::vector<Route> ShortestRoutes::to(Vertex target) const {
  if (target == from_) {
    Route here;
    append(here, graph_[from_]);
    return {here};
  }
  std::vector<Route> routes;
  for (const auto& edge : boost::make_iterator_range(boost::in_edges(target, graph_))) {
    const Vertex before = boost::source(edge, graph_);
    const bool reached = before == from_ || distance_[before] > 0;
    if (!reached || distance_[before] + 1 != distance_[target]) continue;
    for (Route& route : to(before)) {
      append(route, graph_[edge]);
      append(route, graph_[target]);
      routes.push_back(std::move(route));
    }
  }
  return routes;
}

}  // namespace calvo::sim
