#include "analysis/warnings.hpp"

#include <fmt/format.h>

namespace calvo::analysis {
namespace {

std::string plural(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::vector<std::string> validity_warnings(const Summary& summary) {
  std::vector<std::string> warnings;
  if (!summary.complete) {
    warnings.push_back(
        "the run was interrupted: what had not finished counts as a missed objective");
  }
  if (summary.unfinished > 0) {
    warnings.push_back(fmt::format("{} did not finish and {} in no latency",
                                   plural(summary.unfinished, "request"),
                                   summary.unfinished == 1 ? "counts" : "count"));
  }
  if (summary.rejected > 0) {
    warnings.push_back(
        fmt::format("{} rejected; requests.csv says why", plural(summary.rejected, "request")));
  }
  for (const ResourceUse& resource : summary.resources) {
    if (resource.kind == ResourceKind::memory) continue;
    if (resource.saturation() > saturated_utilization) {
      warnings.push_back(fmt::format(
          "{} is {:.1f} % utilised: near saturation, where small errors of the model move waiting "
          "times a lot",
          resource.name, 100 * resource.saturation()));
    }
  }
  const Counters& counters = summary.counters;
  if (counters.fetched_blocks > 0) {
    const double again = static_cast<double>(counters.reloaded_blocks) /
                         static_cast<double>(counters.fetched_blocks);
    if (again > thrash_ratio) {
      warnings.push_back(
          fmt::format("cache thrash: {:.1f} % of the fetched blocks had been there before and were "
                      "evicted: the "
                      "result hangs on the details of eviction",
                      100 * again));
    }
  }
  if (counters.forced_releases > 0) {
    warnings.push_back(fmt::format("the engine stalled and gave up a parked request {} to go on",
                                   counters.forced_releases == 1
                                       ? std::string("once")
                                       : fmt::format("{} times", counters.forced_releases)));
  }
  if (summary.completed > 0 && summary.completed < few_requests) {
    warnings.push_back(fmt::format("{} measured: the 99th percentile rests on the slowest {}",
                                   plural(summary.completed, "request"),
                                   (summary.completed + 99) / 100));
  }
  return warnings;
}

}  // namespace calvo::analysis
