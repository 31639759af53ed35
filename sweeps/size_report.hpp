// What `calvo size` found, as tables and JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/mean_interval.hpp"
#include "analysis/text_table.hpp"
#include "sweeps/schedule.hpp"
#include "sweeps/size_search.hpp"

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

  /// Null if it was not simulated.
  const SizedCombination* at(std::size_t position) const;
  /// The one with the most attainment; null if all are impossible.
  const SizedCombination* closest() const;
};

/// CSV: a row for each combination that was simulated, by price.
std::string to_text(const Sizing& sizing, analysis::TableFormat format);
nlohmann::ordered_json to_json(const Sizing& sizing);

}  // namespace calvo::sweeps
