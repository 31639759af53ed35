#include "core/contract.hpp"
#include "traces/closed_loop.hpp"
#include "traces/open_loop.hpp"
#include "traces/planned_workload.hpp"
#include "traces/synthetic.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {
namespace {

Plan plan_trace(const TraceOptions& options, Tokens block_tokens, std::uint64_t seed) {
  const Trace trace = read_trace(options.file, {options.block_tokens});
  const bool closed =
      options.play == Play::automatic ? trace.closed_loop : options.play == Play::closed_loop;
  return closed ? plan_closed_loop(trace, options.closed, block_tokens, seed)
                : plan_open_loop(trace, options.open, block_tokens, seed);
}

Plan make_plan(const WorkloadOptions& options, Tokens block_tokens, std::uint64_t seed) {
  switch (options.kind) {
    case WorkloadKind::trace:
      return plan_trace(options.trace, block_tokens, seed);
    case WorkloadKind::synthetic:
      return plan_synthetic(options.synthetic, block_tokens, seed);
    case WorkloadKind::requests:
      break;
  }
  return plan_requests(options.requests, block_tokens);
}

}  // namespace

std::unique_ptr<Workload> make_workload(const WorkloadOptions& options, Tokens block_tokens,
                                        std::uint64_t seed) {
  CALVO_EXPECT(!problem_in(options));
  CALVO_EXPECT(block_tokens.count() > 0);
  return std::make_unique<PlannedWorkload>(make_plan(options, block_tokens, seed));
}

}  // namespace calvo::traces
