#include "sweeps/cell_runs.hpp"

#include <algorithm>
#include <map>
#include <variant>

#include "core/contract.hpp"

namespace calvo::sweeps {

CellRuns runs_of(const Schedule& schedule, const CellRecord& record) {
  CellRuns runs;
  for (const std::uint64_t seed : record.seeds) {
    const PointOutcome* outcome = schedule.outcome(record.cell->point(seed));
    CALVO_EXPECT(outcome != nullptr);
    if (const auto* failure = std::get_if<Failure>(outcome)) return {{}, failure->error};
    runs.samples.push_back({"", seed, std::get<analysis::PointResult>(*outcome)});
  }
  return runs;
}

analysis::MeanInterval mean_of(const CellRuns& runs, const char* metric) {
  std::vector<double> values;
  for (const analysis::RunSample& sample : runs.samples) {
    if (const auto value = sample.result.metric(metric)) values.push_back(*value);
  }
  return analysis::mean_interval(values, 0.95, analysis::possible_range(metric));
}

std::string bottleneck_of(const CellRuns& runs) {
  CALVO_EXPECT(!runs.samples.empty());
  std::map<std::string, int> seen;
  for (const analysis::RunSample& sample : runs.samples) seen[sample.result.bottleneck] += 1;
  return std::ranges::max_element(seen, {}, [](const auto& entry) { return entry.second; })->first;
}

}  // namespace calvo::sweeps
