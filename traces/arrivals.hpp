#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload_options.hpp"

namespace calvo::traces {

/// The dates of an arrival process in seconds from the start, ascending: the first `count`, or if
/// that is 0 all before `duration_s`. Requires: valid options. Throws InputError for a file in it,
/// and BadOption where they are beyond the longest run.
std::vector<double> arrival_dates(const ArrivalOptions& options, std::int64_t count,
                                  double duration_s, std::uint64_t seed);

}  // namespace calvo::traces
