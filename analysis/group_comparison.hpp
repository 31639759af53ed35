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

/// What each group is compared with: the first of all, or the one before it, where each adds
/// something to the one before.
enum class Against : std::uint8_t { first, previous };

/// One metric of one group under some settings.
struct GroupValue {
  std::string settings;
  std::string group;
  std::string metric;
  MeanInterval mean;
  /// Less the first group's, or with Against::previous less that of the last one before it that has
  /// such runs; none for the first group and where there is no other.
  std::optional<Difference> vs_first;
  double adjusted_p = 1;  ///< of vs_first, by Holm over all tests of this metric
  bool significant() const { return vs_first && adjusted_p < 0.05; }
};

struct GroupComparison {
  Against against = Against::first;
  std::vector<std::string> groups;
  std::vector<std::string> metrics;
  std::vector<GroupValue> values;  ///< by metric, then settings, then group
  std::size_t tests = 0;           ///< of each metric, at most
  std::vector<std::string> warnings;
};

/// Compares each group with another, for each of `metrics` and settings. Runs are paired by seed
/// where both sides have each seed once and two or more in common; else the sides are taken as
/// independent. Requires: groups and metrics are not empty; metrics are metric_names().
GroupComparison compare_groups(const std::vector<RunGroup>& groups,
                               const std::vector<std::string>& metrics,
                               Against against = Against::first);

/// One table a metric, and notes below it. As CSV one table of all numbers, a row a value.
std::string to_text(const GroupComparison& comparison, TableFormat format);
nlohmann::ordered_json to_json(const GroupComparison& comparison);

}  // namespace calvo::analysis
