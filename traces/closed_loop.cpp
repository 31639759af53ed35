#include "traces/closed_loop.hpp"

#include <algorithm>
#include <numeric>

#include "core/input_error.hpp"
#include "core/random.hpp"
#include "traces/named_requests.hpp"
#include "traces/run_dates.hpp"
#include "traces/think_times.hpp"

namespace calvo::traces {
namespace {

constexpr std::uint32_t left_out = ~std::uint32_t{0};
constexpr std::uint64_t jitter_stream = 1;  ///< random streams of this file
constexpr std::uint64_t think_stream = 2;

/// Chooses the requests of the sessions to play.
class SessionSelection {
public:
  SessionSelection(const Trace& trace, const ClosedLoopOptions& options)
      : trace_(trace), options_(options), position_(trace.requests.size(), left_out) {}

  void run() {
    for (auto s = static_cast<std::size_t>(options_.skip_sessions); s < trace_.sessions.size();
         ++s) {
      if (options_.max_sessions > 0 && std::ssize(sessions) == options_.max_sessions) break;
      if (is_full()) break;
      if (!is_dropped(trace_.sessions[s])) add_session(trace_.sessions[s]);
    }
    if (played.empty()) {
      throw InputError({trace_.file, 0, 0}, "",
                       "no session is left; lower skip_sessions or raise max_context");
    }
  }

  /// What a played request waits for: of a stream that was cut, the last request that is played.
  void add_waits(const Played& entry, std::vector<std::uint32_t>& waits) const {
    const std::size_t first = waits.size();
    for (std::uint32_t awaited : trace_.waits_of(trace_.requests[entry.source])) {
      while (position_[awaited] == left_out && trace_.requests[awaited].previous >= 0) {
        awaited = static_cast<std::uint32_t>(trace_.requests[awaited].previous);
      }
      const std::uint32_t found = position_[awaited];
      if (found == left_out) continue;  // a sub-agent of which nothing is played
      const auto known =
          std::find(waits.begin() + static_cast<std::ptrdiff_t>(first), waits.end(), found);
      if (known == waits.end()) waits.push_back(found);
    }
  }

  std::vector<Played> played;
  std::vector<Plan::Session> sessions;

private:
  bool is_full() const {
    return options_.max_requests > 0 && std::ssize(played) >= options_.max_requests;
  }

  bool is_too_long(const TraceRequest& request) const {
    const std::int64_t context = std::int64_t{request.input} + std::max(1, request.output);
    return options_.max_context.count() > 0 && context > options_.max_context.count();
  }

  bool is_skipped_kind(const TraceRequest& request) const {
    if (request.stream > 0) return !options_.sub_agents;
    return options_.max_turns > 0 && request.turn >= options_.max_turns;
  }

  bool is_dropped(const TraceSession& session) const {
    if (options_.over_context != ContextLimit::drop) return false;
    const auto requests =
        std::span(trace_.requests).subspan(session.first_request, session.request_count);
    return std::ranges::any_of(requests, [&](const TraceRequest& request) {
      return !is_skipped_kind(request) && is_too_long(request);
    });
  }

  void add_session(const TraceSession& session) {
    const auto number = static_cast<std::int32_t>(sessions.size());
    const auto first = static_cast<std::uint32_t>(played.size());
    for (std::uint32_t i = session.first_request;
         i < session.first_request + session.request_count && !is_full(); ++i) {
      const TraceRequest& request = trace_.requests[i];
      if (is_skipped_kind(request) || is_too_long(request) || is_cut_off(request)) continue;
      const std::int32_t previous =
          request.previous < 0
              ? -1
              : static_cast<std::int32_t>(position_[static_cast<std::size_t>(request.previous)]);
      position_[i] = static_cast<std::uint32_t>(played.size());
      played.push_back({i, previous, number, request.turn});
    }
    const auto count = static_cast<std::uint32_t>(played.size()) - first;
    if (count > 0) sessions.push_back({first, count});
  }

  /// Whether its stream ended before it: the one before it, or its spawner, is not played.
  bool is_cut_off(const TraceRequest& request) const {
    if (request.previous >= 0) {
      return position_[static_cast<std::size_t>(request.previous)] == left_out;
    }
    return std::ranges::any_of(trace_.waits_of(request), [&](std::uint32_t awaited) {
      return position_[awaited] == left_out;
    });
  }

  const Trace& trace_;
  const ClosedLoopOptions& options_;
  std::vector<std::uint32_t> position_;  ///< by index in the trace: in `played`, or left_out
};

}  // namespace

Plan plan_closed_loop(const Trace& trace, const ClosedLoopOptions& options, Tokens engine_block,
                      std::uint64_t seed) {
  if (!trace.closed_loop) {
    throw InputError({trace.file, 0, 0}, "",
                     "its requests have dates and cannot be played closed_loop; play it open_loop");
  }
  SessionSelection selection(trace, options);
  selection.run();
  NamedRequests named = name_requests(trace, selection.played, engine_block, options.shared_prefix);
  count_pool_hits(named.requests, {}, named.id_limit);

  Plan plan;
  plan.requests = std::move(named.requests);
  plan.sessions = std::move(selection.sessions);
  plan.live_sessions = static_cast<std::size_t>(options.live_sessions);
  const ThinkTimes think_times(trace, mix_bits(seed) + think_stream);
  double total_gap_ms = 0;
  std::int64_t gaps = 0;
  for (const Played& entry : selection.played) {
    const TraceRequest& request = trace.requests[entry.source];
    const double gap = request.wait_count > 0 ? think_times.played_ms(entry.source, options) : 0;
    if (entry.previous >= 0) {
      total_gap_ms += gap;
      ++gaps;
    }
    plan.gap.push_back(run_date(gap / 1000, "closed.think_scale", "lower it"));
    plan.earliest.push_back(run_date(request.arrival_ms == no_date ? 0 : request.arrival_ms / 1000,
                                     "file", "correct its dates"));
    plan.first_wait.push_back(static_cast<std::uint32_t>(plan.waits.size()));
    selection.add_waits(entry, plan.waits);
  }
  plan.first_wait.push_back(static_cast<std::uint32_t>(plan.waits.size()));

  const double mean_gap_s = gaps > 0 ? total_gap_ms / 1000 / static_cast<double>(gaps) : 0;
  const double jitter_s = options.start_jitter_s < 0 ? mean_gap_s : options.start_jitter_s;
  Random random(seed, jitter_stream);
  for (std::size_t s = 0; s < std::min(plan.live_sessions, plan.sessions.size()); ++s) {
    plan.session_start.push_back(to_nanoseconds(Seconds{jitter_s * random.uniform()}));
  }
  return plan;
}

}  // namespace calvo::traces
