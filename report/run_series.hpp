// One run over time, and request by request.
#pragma once

#include <nlohmann/json.hpp>

#include "report/run_source.hpp"

namespace calvo::report {

/// Parts of a request's life in order; "queue" is before the loading, "queue_loaded" after it.
inline constexpr std::array<const char*, 7> life_stages = {
    "lookup", "queue", "network_load", "pcie_load", "queue_loaded", "prefill", "decode"};

/// How many intervals a run is cut into.
inline constexpr int time_bins = 600;

/// Columns of the same length, a value a request in order of arrival. Times are whole microseconds
/// of the run; null is what does not apply. `stages` has a column for each of `life_stages`.
nlohmann::ordered_json request_columns(const RunSource& source);

/// {begin_s, bin_s, stages: {STAGE: [requests in it, mean over the interval]},
///  work: {TRACK: {WHAT: [share of the interval]}}}; null for a run without requests.
nlohmann::ordered_json over_time(const RunSource& source);

/// {interval_s, tiers: {NAME: [share of the capacity]}}, or null.
nlohmann::ordered_json occupancy_over_time(const Occupancy& occupancy);

}  // namespace calvo::report
