#include "sweeps/sizing.hpp"

#include <algorithm>

#include "core/contract.hpp"
#include "sweeps/cell_runs.hpp"

namespace calvo::sweeps {

using Answer = CheapestSearch::Answer;

SizedCombination size_up(std::size_t position, const Schedule& schedule, const CellRecord& record,
                         double target) {
  const CellRuns runs = runs_of(schedule, record);
  if (!runs.error.empty()) return {position, Answer::impossible, {}, {}, {}, runs.error};
  SizedCombination sized;
  sized.position = position;
  sized.attainment = mean_of(runs, attainment_metric);
  CALVO_ENSURE(sized.attainment.count > 0);  // a scenario without objective is refused before
  sized.ttft = mean_of(runs, ttft_metric);
  sized.bottleneck = bottleneck_of(runs);
  sized.answer = sized.attainment.mean >= target - 1e-12 ? Answer::meets : Answer::misses;
  return sized;
}

const SizedCombination* Sizing::at(std::size_t position) const {
  const auto found = std::ranges::find(simulated, position, &SizedCombination::position);
  return found == simulated.end() ? nullptr : &*found;
}

const SizedCombination* Sizing::closest() const {
  const SizedCombination* closest = nullptr;
  for (const SizedCombination* each : by_price()) {
    if (each->answer == Answer::impossible) continue;
    if (closest == nullptr || each->attainment.mean > closest->attainment.mean) closest = each;
  }
  return closest;
}

std::vector<const SizedCombination*> Sizing::by_price() const {
  std::vector<const SizedCombination*> all;
  for (const SizedCombination& each : simulated) all.push_back(&each);
  std::ranges::sort(all, {}, [](const SizedCombination* each) { return each->position; });
  return all;
}

}  // namespace calvo::sweeps
