// Groups of runs side by side: engines with several seeds each, as a sweep leaves them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "analysis/mean_interval.hpp"
#include "analysis/sweep_table.hpp"
#include "analysis/text_table.hpp"

namespace calvo::analysis {

/// One run of a group.
struct RunSample {
  std::string settings;  ///< what distinguishes it besides the group and the seed; runs are
                         ///< compared where these are the same
  std::uint64_t seed = 0;
  PointResult result;
};

struct RunGroup {
  std::string name;
  std::vector<RunSample> samples;
};

/// One metric of one group under some settings.
struct GroupValue {
  std::string settings;
  std::string group;
  std::string metric;
  MeanInterval mean;
  std::optional<Difference> vs_first;  ///< none for the first group and where that has no such runs
  double adjusted_p = 1;               ///< of vs_first, by Holm over all tests of this metric
  bool significant() const { return vs_first && adjusted_p < 0.05; }
};

struct GroupComparison {
  std::vector<std::string> groups;
  std::vector<std::string> metrics;
  std::vector<GroupValue> values;  ///< by metric, then settings, then group
  std::size_t tests = 0;           ///< of each metric, at most
  std::vector<std::string> warnings;
};

/// Compares each group with the first, for each of `metrics` and settings. Runs are paired by seed
/// where both sides have each seed once and two or more in common; else the sides are taken as
/// independent. Requires: groups and metrics are not empty; metrics are metric_names().
GroupComparison compare_groups(const std::vector<RunGroup>& groups,
                               const std::vector<std::string>& metrics);

/// One table a metric, and notes below it.
std::string to_text(const GroupComparison& comparison, TableFormat format);
nlohmann::ordered_json to_json(const GroupComparison& comparison);

}  // namespace calvo::analysis
