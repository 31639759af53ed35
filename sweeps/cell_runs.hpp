// What the points of a cell came to.
#pragma once

#include <string>
#include <vector>

#include "analysis/group_comparison.hpp"
#include "analysis/mean_interval.hpp"
#include "sweeps/schedule.hpp"

namespace calvo::sweeps {

/// What searches go by, as metric_names() has it.
inline constexpr const char* attainment_metric = "slo_attainment";
inline constexpr const char* ttft_metric = "mean_ttft_ms";

/// One run a seed; none, and an error, if one of them failed.
struct CellRuns {
  std::vector<analysis::RunSample> samples;
  std::string error;
};

/// Requires: all points of the cell are recorded.
CellRuns runs_of(const Schedule& schedule, const CellRecord& record);

/// Over those that have a value.
analysis::MeanInterval mean_of(const CellRuns& runs, const char* metric);

/// Of the most seeds; may be empty. Requires: runs.
std::string bottleneck_of(const CellRuns& runs);

}  // namespace calvo::sweeps
