#pragma once

#include <cstdint>

#include "traces/planned_workload.hpp"
#include "traces/trace.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {

/// Plays a trace at its dates. Requests that depend on others wait for them all the same.
/// Repetitions follow each other at the mean gap, with other contents and other sessions.
/// Throws InputError if the trace has no dates or if the options leave no request.
Plan plan_open_loop(const Trace& trace, const OpenLoopOptions& options, Tokens engine_block,
                    std::uint64_t seed);

}  // namespace calvo::traces
