// Runs that differ in their seed only, and what they come to together.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/run_source.hpp"

namespace calvo::report {

struct RunGroup {
  std::string engine;
  bool real = false;
  std::string load;            ///< what is served, in words: tells groups of one engine apart
  std::string variant;         ///< settings that are neither engine nor workload, where they differ
  std::optional<double> rate;  ///< requests that arrive in a second
  std::vector<const RunSource*> runs;
};

/// Groups by everything that the scenarios say but the seed, in order of the first run of each.
/// Keeps pointers into `runs`.
std::vector<RunGroup> group_runs(std::span<const RunSource> runs);

/// Requests that arrived, by the span from the first to the last of them; none for fewer than two.
std::optional<double> arrival_rate(const analysis::RunDirectory& run);

/// Mean over seeds with a 95 % interval from Student's t; of a single run the interval of
/// summary.json (attainment) or a bootstrap over sessions (mean TTFT), of its percentiles none.
nlohmann::ordered_json metrics_of(const RunGroup& group);

/// Mean of each part of the TTFT in milliseconds: of all requests, of those that missed their
/// objectives, and of the slowest hundredth. [{of, requests, queue, lookup, network, pcie,
/// compute}]
nlohmann::ordered_json stages_of(const RunGroup& group);

bool is_measured(const RunSource& source, const analysis::RequestRow& row);

/// Calls `take` with each row of `group` that arrived after its run's warm-up.
template <class Take>
void for_each_measured(const RunGroup& group, Take take) {
  for (const RunSource* source : group.runs) {
    for (const analysis::RequestRow& row : source->run.requests) {
      if (is_measured(*source, row)) take(row);
    }
  }
}

/// Keys whose value is not the same in all `runs` (the seed apart): [{key, values: [one a run]}];
/// a run without the key has null. Nothing for runs that kept no scenario.
nlohmann::ordered_json differences(std::span<const RunSource> runs);

}  // namespace calvo::report
