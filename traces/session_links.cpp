#include "traces/session_links.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/random.hpp"

namespace calvo::traces {
namespace {

constexpr std::int64_t fewest_blocks = 2;
constexpr std::uint32_t most_users = 50;
constexpr double least_think_ms = 500;
constexpr double answer_ms = 500;
constexpr double answer_ms_per_token = 30;

/// Calls `use(blocks, hash of that prefix)` for each prefix of whole trace blocks.
template <class Use>
void for_each_prefix(const Trace& trace, const TraceRequest& request, Use use) {
  std::int64_t blocks = 0;
  std::uint64_t prefix = 0;
  const std::int64_t full = request.input / trace.block_tokens.count();
  for (const TraceRun& run : trace.content(request)) {
    for (std::int32_t i = 0; i < run.count && blocks < full; ++i) {
      prefix = mix_bits(prefix * 31 + run.first + static_cast<std::uint64_t>(i) + 1);
      use(++blocks, prefix);
    }
  }
}

}  // namespace

std::vector<SessionLink> link_sessions(const Trace& trace) {
  std::vector<SessionLink> links(trace.requests.size());
  if (trace.block_tokens.count() == 0) return links;

  std::unordered_map<std::uint64_t, std::uint32_t> users;  // look-up only, like the next
  for (const TraceRequest& request : trace.requests) {
    for_each_prefix(trace, request, [&](std::int64_t, std::uint64_t prefix) { ++users[prefix]; });
  }
  std::unordered_map<std::uint64_t, std::int32_t> latest;  // by the whole of its full blocks
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const TraceRequest& request = trace.requests[i];
    const std::int64_t full = request.input / trace.block_tokens.count();
    std::int32_t previous = -1;
    std::uint64_t whole = 0;
    for_each_prefix(trace, request, [&](std::int64_t blocks, std::uint64_t prefix) {
      if (blocks == full) whole = prefix;
      if (blocks < fewest_blocks || users[prefix] > most_users) return;
      const auto found = latest.find(prefix);
      if (found == latest.end()) return;
      const TraceRequest& candidate = trace.requests[static_cast<std::size_t>(found->second)];
      if (candidate.input < request.input) previous = std::max(previous, found->second);
    });
    if (full >= fewest_blocks) latest[whole] = static_cast<std::int32_t>(i);
    if (previous < 0) continue;
    const TraceRequest& before = trace.requests[static_cast<std::size_t>(previous)];
    const double gap = request.arrival_ms - before.arrival_ms;
    links[i] = {previous,
                std::max(least_think_ms, gap - (answer_ms + answer_ms_per_token * before.output))};
  }
  return links;
}

}  // namespace calvo::traces
