#pragma once

#include <cstdint>

#include "traces/planned_workload.hpp"
#include "traces/trace.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {

/// Plays the sessions of a trace, some at a time: each request follows the end of the one before
/// it and a think time; sub-agents run beside each other after the request that spawned them, and
/// the main agent's next request waits for all of them. Ids of requests and the order in which an
/// infinite pool's hits are counted: session after session as in the trace, each in the order of
/// its main stream with sub-agents behind the request that spawned them.
///
/// Throws InputError if the trace has no sessions or if the options leave no request.
Plan plan_closed_loop(const Trace& trace, const ClosedLoopOptions& options, Tokens engine_block,
                      std::uint64_t seed);

}  // namespace calvo::traces
