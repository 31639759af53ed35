#pragma once

#include <cstdint>
#include <span>

#include "traces/planned_workload.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {

/// Requests drawn from distributions. Arrivals, lengths and hit fractions come from random streams
/// of their own, so that a change of one leaves the others as they are. Throws InputError for what
/// is wrong in a file that the options name.
Plan plan_synthetic(const SyntheticOptions& options, Tokens engine_block, std::uint64_t seed);

/// The requests as written, each with contents of its own; sorted by date, ties in the order given.
Plan plan_requests(std::span<const InlineRequest> requests, Tokens engine_block);

}  // namespace calvo::traces
