// Max-min fairness by its definition, slow and without cleverness: the solver's judge.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace calvo::sim {

struct BruteFlow {
  std::vector<std::size_t> links;
  double weight = 1;
  double cap = std::numeric_limits<double>::infinity();
};

/// All unfixed flows grow together until a link is full or a flow at its cap; those are fixed.
inline std::vector<double> brute_force_rates(const std::vector<double>& capacities,
                                             const std::vector<BruteFlow>& flows) {
  std::vector<double> rates(flows.size(), 0.0);
  std::vector<bool> fixed(flows.size(), false);
  std::vector<double> left = capacities;
  for (std::size_t done = 0; done < flows.size();) {
    double level = std::numeric_limits<double>::infinity();
    std::vector<double> weight(capacities.size(), 0.0);
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (fixed[f]) continue;
      level = std::min(level, flows[f].cap / flows[f].weight);
      for (const std::size_t link : flows[f].links) weight[link] += flows[f].weight;
    }
    for (std::size_t l = 0; l < left.size(); ++l) {
      if (weight[l] > 0) level = std::min(level, left[l] / weight[l]);
    }
    std::vector<std::size_t> stopped;
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (fixed[f]) continue;
      bool stops = flows[f].cap / flows[f].weight <= level * (1 + 1e-9);
      for (const std::size_t link : flows[f].links) {
        stops = stops || left[link] / weight[link] <= level * (1 + 1e-9);
      }
      if (stops) stopped.push_back(f);
    }
    for (const std::size_t f : stopped) {
      fixed[f] = true;
      rates[f] = std::min(flows[f].cap, level * flows[f].weight);
      ++done;
      for (const std::size_t link : flows[f].links) left[link] -= rates[f];
    }
  }
  return rates;
}

}  // namespace calvo::sim
