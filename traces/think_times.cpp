#include "traces/think_times.hpp"

#include <algorithm>
#include <cmath>

#include "core/random.hpp"

namespace calvo::traces {
namespace {

/// Time of a tool where the trace knows none. Shares and medians: published statistics of coding
/// agents; ours: the spread of the log-normals (sigma 1) and the tail index of the Pareto (2).
double drawn_tool_ms(Random& random) {
  const double part = random.uniform();
  if (part < 0.70) return 130 * std::exp(random.normal());
  if (part < 0.95) return 5000 * std::exp(random.normal());
  return 60'000 / std::sqrt(1 - random.uniform());
}

}  // namespace

ThinkTimes::ThinkTimes(const Trace& trace, std::uint64_t seed) : trace_(trace), seed_(seed) {
  for (const TraceRequest& request : trace.requests) {
    if (request.previous >= 0 && request.gap_ms >= 0) {
      known_[static_cast<std::size_t>(request.gap_kind)].push_back(request.gap_ms);
    }
  }
}

double ThinkTimes::traced_ms(std::uint32_t request) const {
  const TraceRequest& entry = trace_.requests[request];
  if (entry.gap_ms >= 0) return entry.gap_ms;
  const auto& pool = known_[static_cast<std::size_t>(entry.gap_kind)];
  Random random(seed_, request);
  if (!pool.empty()) return pool[random.below(pool.size())];
  return entry.gap_kind == GapKind::tool ? drawn_tool_ms(random) : 0;
}

double ThinkTimes::played_ms(std::uint32_t request, const ClosedLoopOptions& options) const {
  const TraceRequest& entry = trace_.requests[request];
  if (entry.previous < 0) return options.think_scale * traced_ms(request);
  double gap = traced_ms(request);
  switch (entry.gap_kind) {
    case GapKind::tool:
      gap = std::max(options.min_tool_s * 1000, gap - options.tool_overhead_s * 1000);
      break;
    case GapKind::user:
    case GapKind::mixed:
      if (options.user_gap_cap_s > 0) gap = std::min(gap, options.user_gap_cap_s * 1000);
      break;
    case GapKind::none:
      break;
  }
  return options.think_scale * gap;
}

}  // namespace calvo::traces
