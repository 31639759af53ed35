// How the TTFT of a group of runs is distributed, as the page draws it.
#pragma once

#include <array>
#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/run_group.hpp"

namespace calvo::report {

/// The distribution function of `values`, of whose `of` candidates some may have no value at all:
///   of         as given
///   values     ascending, without repetition
///   counts     how many of the values are at or below each of these: counts over `of` is the share
///   quantiles  [value] at each of `quantile_shares` (docs/metrics.md says how)
/// Counts are exact. Of more than 400 values some are left out, so that the share changes by at
/// most half a percent (a twentieth above P99) from one to the next; never the values on either
/// side of a limit, so that the share within each of `limits` is exact too.
/// Requires: `values.size()` <= `of`.
nlohmann::ordered_json distribution_function(std::vector<double> values, std::size_t of,
                                             std::span<const double> limits);

/// What the tables below the plots show; the last is the slowest request.
inline constexpr std::array quantile_shares = {0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0};

/// Requests of all runs taken together: {ttft_s, to_deadline, deadline_s: [P5, median, P95]}.
/// `ttft_s` is the distribution function of TTFT over the measured requests, `to_deadline` that of
/// TTFT over the deadline, over those that have one. As in slo_attainment, cancelled requests do
/// not count, and those that did not complete never came: where no TPOT objective is set, the share
/// of `to_deadline` within 1 is the attainment.
nlohmann::ordered_json distribution_of(const RunGroup& group);

}  // namespace calvo::report
