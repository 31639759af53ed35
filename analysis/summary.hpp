// What a run comes to. docs/metrics.md has every definition in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/statistics.hpp"
#include "core/run_result.hpp"

namespace calvo::analysis {

/// Which run this was and what it is held to.
struct RunLabels {
  std::string scenario;
  std::string engine;
  std::uint64_t seed = 0;
  Nanoseconds warm_up{0};         ///< requests that arrive before it are not measured
  Nanoseconds tpot_objective{0};  ///< 0: none
};

/// Means over completed requests, in milliseconds; they sum to the mean TTFT.
struct StageMeans {
  double queue = 0;
  double lookup = 0;
  double network = 0;
  double pcie = 0;
  double compute = 0;

  friend bool operator==(const StageMeans&, const StageMeans&) = default;
};

/// `measured` requests are those that arrived at or after the warm-up. Latencies in milliseconds,
/// over measured requests that completed.
struct Summary {
  RunLabels labels;
  bool complete = true;
  std::int64_t measured = 0;
  std::int64_t completed = 0;  ///< this and the next three are of the measured ones
  std::int64_t rejected = 0;
  std::int64_t cancelled = 0;
  std::int64_t unfinished = 0;
  std::int64_t not_measured = 0;  ///< arrived during the warm-up
  double duration_s = 0;          ///< first measured arrival to last measured end
  std::int64_t input_tokens = 0;  ///< of completed requests, like the next two
  std::int64_t output_tokens = 0;
  std::int64_t cached_tokens = 0;
  Spread ttft;
  Spread tpot;
  Spread e2el;
  std::int64_t slo_judged = 0;  ///< measured requests with an objective
  std::int64_t slo_met = 0;
  std::optional<double> slo_attainment;  ///< slo_met / slo_judged; none if none was judged
  Interval slo_attainment_ci95;
  double request_throughput = 0;  ///< completed / duration
  double request_goodput = 0;     ///< slo_met / duration
  double output_throughput = 0;   ///< tokens / s
  double total_token_throughput = 0;
  double prefix_cache_hit_ratio = 0;  ///< cached_tokens / input_tokens
  StageMeans stages_ms;
  std::vector<ResourceUse> resources;
  std::string bottleneck;  ///< what is nearest to saturation, memory apart; may be empty
  double bottleneck_utilization = 0;
  Counters counters;
  std::vector<std::string> warnings;  ///< where the numbers stop being valid
};

Summary summarize(const RunResult& run, const RunLabels& labels);

}  // namespace calvo::analysis
