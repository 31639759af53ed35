#pragma once

#include <string>
#include <vector>

#include "analysis/summary.hpp"

namespace calvo::analysis {

/// Above this a queue's length is ruled by small errors of the model (waiting grows with
/// 1 / (1 - utilisation), so 1 % of error in a service time moves the wait by 10 % and more).
inline constexpr double saturated_utilization = 0.9;
/// Share of fetched blocks that had been there before and were evicted.
inline constexpr double thrash_ratio = 0.1;
/// A 99th percentile with at most ten requests beyond it.
inline constexpr std::int64_t few_requests = 1000;

/// Where the numbers of `summary` stop being valid, one sentence each; empty if nothing is known
/// against them.
std::vector<std::string> validity_warnings(const Summary& summary);

}  // namespace calvo::analysis
