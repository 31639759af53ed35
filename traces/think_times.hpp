#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "traces/trace.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {

/// How long a client waits before each request of a trace. A gap that the trace does not know is
/// drawn from its known ones of the same kind, by a random stream of the request's own; if it knows
/// none, a tool's time from published statistics and a user's as 0.
class ThinkTimes {
public:
  ThinkTimes(const Trace& trace, std::uint64_t seed);

  /// Milliseconds as traced, or drawn.
  double traced_ms(std::uint32_t request) const;

  /// Milliseconds as played in a closed loop: tool gaps without the overhead of the capture, gaps
  /// with user text capped, all scaled.
  double played_ms(std::uint32_t request, const ClosedLoopOptions& options) const;

private:
  const Trace& trace_;
  std::uint64_t seed_;
  std::array<std::vector<double>, 4> known_;  ///< by GapKind
};

}  // namespace calvo::traces
