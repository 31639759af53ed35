// What a sweep came to: sweep.csv and sweep.json. docs/sweep.md has their format.
#pragma once

#include <nlohmann/json.hpp>

#include "analysis/sweep_table.hpp"
#include "sweeps/crossing.hpp"
#include "sweeps/schedule.hpp"

namespace calvo::sweeps {

/// The points that are recorded, in the order of the cells and seeds.
analysis::SweepTable table_of(const Schedule& schedule);

/// What is known of the rate of one engine, with the other settings as they are.
struct RateFound {
  const RateGroup* group = nullptr;
  Crossing crossing;
  bool searched = false;
  double lowest = 0;  ///< rates that were tried; 0: none
  double highest = 0;
  std::vector<std::string> cells;  ///< by rate
};
std::vector<RateFound> rates_of(const Schedule& schedule);

nlohmann::ordered_json index_of(const Schedule& schedule);

/// For people: each rate found, or each cell's attainment and TTFT; ends with a newline.
std::string text_of(const Schedule& schedule);

}  // namespace calvo::sweeps
