// What `calvo size` found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/mean_interval.hpp"
#include "sweeps/crossing.hpp"
#include "sweeps/schedule.hpp"
#include "sweeps/size_search.hpp"
#include "sweeps/values.hpp"

namespace calvo::sweeps {

/// A combination that was simulated.
struct SizedCombination {
  std::size_t position = 0;  ///< in Sizing::combinations
  CheapestSearch::Answer answer = CheapestSearch::Answer::misses;
  analysis::MeanInterval attainment;  ///< share; of no runs if it is impossible
  analysis::MeanInterval ttft;        ///< mean TTFT in ms
  std::string bottleneck;
  std::string error;  ///< why it is impossible
};

/// What the points of a cell come to, held to `target`.
SizedCombination size_up(std::size_t position, const Schedule& schedule, const CellRecord& record,
                         double target);

/// Up to which rate the cheapest meets the target.
struct RateReserve {
  Quantity asked;     ///< the rate that it was bought for
  Crossing crossing;  ///< rates in the base unit of `asked`
  double asked_base = 0;
  double highest = 0;  ///< that was tried
  std::string unit;    ///< of the crossing and `highest`
};

struct Sizing {
  std::string scenario;
  std::string engine;
  std::string rate;  ///< as it was asked for; empty: the scenario's
  Catalogue catalogue;
  double target = 0.9;
  std::vector<std::uint64_t> seeds;
  std::vector<Combination> combinations;
  std::vector<SizedCombination> simulated;  ///< in the order they were
  std::optional<std::size_t> best;          ///< in `combinations`; none: nothing meets the target
  std::optional<RateReserve> reserve;       ///< none: nobody asked, or there is no best

  /// Null if it was not simulated.
  const SizedCombination* at(std::size_t position) const;
  /// The one with the most attainment; null if all are impossible.
  const SizedCombination* closest() const;
  /// All that were simulated, cheapest first.
  std::vector<const SizedCombination*> by_price() const;
};

}  // namespace calvo::sweeps
