#include "traces/open_loop.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "core/input_error.hpp"
#include "traces/named_requests.hpp"
#include "traces/run_dates.hpp"
#include "traces/session_links.hpp"
#include "traces/think_times.hpp"

namespace calvo::traces {
namespace {

constexpr std::uint32_t left_out = ~std::uint32_t{0};

/// One pass through the trace: what is played, when, after what.
struct Pass {
  std::vector<Played> played;
  std::vector<double> date_ms;  ///< by played request, from the start of the part; 0: none
  std::vector<double> gap_ms;
  std::vector<std::uint32_t> first_wait;
  std::vector<std::uint32_t> waits;
  double period_ms = 0;
};

class Selection {
public:
  Selection(const Trace& trace, const OpenLoopOptions& options, std::uint64_t seed)
      : trace_(trace), options_(options), think_times_(trace, seed) {
    if (options.link_sessions) {
      const bool plain = std::ranges::all_of(
          trace.requests, [](const TraceRequest& r) { return r.wait_count == 0; });
      if (!plain) {
        throw InputError({trace.file, 0, 0}, "", "has sessions already; leave out link_sessions");
      }
      links_ = link_sessions(trace);
    }
  }

  Pass run() {
    position_.assign(trace_.requests.size(), left_out);
    for (std::uint32_t i = 0; i < trace_.requests.size(); ++i) {
      const auto limit = static_cast<std::size_t>(options_.first_requests);
      if (limit > 0 && pass_.played.size() == limit) break;
      if (wanted(i)) add(i);
    }
    pass_.first_wait.push_back(static_cast<std::uint32_t>(pass_.waits.size()));
    if (pass_.played.empty()) {
      throw InputError({trace_.file, 0, 0}, "",
                       "no request is left; lower start_s or raise duration_s and max_context");
    }
    const double dated = static_cast<double>(dated_);
    pass_.period_ms = dated > 1 ? (last_ms_ - first_ms_) * dated / (dated - 1) : 0;
    return std::move(pass_);
  }

private:
  bool wanted(std::uint32_t index) const {
    const TraceRequest& request = trace_.requests[index];
    const std::int64_t context = std::int64_t{request.input} + std::max(1, request.output);
    if (options_.max_context.count() > 0 && context > options_.max_context.count()) return false;
    if (request.arrival_ms != no_date) {
      const double date = request.arrival_ms - options_.start_s * 1000;
      if (date < 0 || (options_.duration_s > 0 && date >= options_.duration_s * 1000)) return false;
    }
    return std::ranges::none_of(trace_.waits_of(request), [&](std::uint32_t awaited) {
      return position_[awaited] == left_out;
    });
  }

  void add(std::uint32_t index) {
    const TraceRequest& request = trace_.requests[index];
    Played entry{index, -1, request.session, request.turn};
    double gap = 0;
    double date = request.arrival_ms == no_date ? 0 : request.arrival_ms - options_.start_s * 1000;
    pass_.first_wait.push_back(static_cast<std::uint32_t>(pass_.waits.size()));
    const std::int32_t linked = links_.empty() ? -1 : links_[index].previous;
    if (linked >= 0 && position_[static_cast<std::size_t>(linked)] != left_out) {
      const std::uint32_t before = position_[static_cast<std::size_t>(linked)];
      entry.previous = static_cast<std::int32_t>(before);
      entry.session = pass_.played[before].session;
      entry.turn = pass_.played[before].turn + 1;
      pass_.waits.push_back(before);
      gap = links_[index].gap_ms;
      date = 0;
    } else if (request.wait_count > 0) {
      for (const std::uint32_t awaited : trace_.waits_of(request)) {
        pass_.waits.push_back(position_[awaited]);
      }
      if (request.previous >= 0) {
        entry.previous =
            static_cast<std::int32_t>(position_[static_cast<std::size_t>(request.previous)]);
      }
      gap = think_times_.traced_ms(index);
    }
    if (request.arrival_ms != no_date) {
      const double at = request.arrival_ms - options_.start_s * 1000;
      first_ms_ = dated_ == 0 ? at : std::min(first_ms_, at);
      last_ms_ = std::max(last_ms_, at);
      ++dated_;
    }
    position_[index] = static_cast<std::uint32_t>(pass_.played.size());
    pass_.played.push_back(entry);
    pass_.date_ms.push_back(date);
    pass_.gap_ms.push_back(gap);
  }

  const Trace& trace_;
  const OpenLoopOptions& options_;
  ThinkTimes think_times_;
  std::vector<SessionLink> links_;
  std::vector<std::uint32_t> position_;  ///< by index in the trace: in the pass, or left_out
  Pass pass_;
  double first_ms_ = 0;
  double last_ms_ = 0;
  std::int64_t dated_ = 0;
};

void repeat(Plan& plan, const Pass& pass, const OpenLoopOptions& options, std::uint64_t id_limit,
            std::uint64_t sessions) {
  const std::size_t count = pass.played.size();
  const auto wait_count = static_cast<std::uint32_t>(pass.waits.size());
  const auto times = static_cast<std::size_t>(options.repeat);
  const auto date = [](double ms) {
    return run_date(ms / 1000, "open.rate_scale",
                    "raise it, or play less of the trace (open.duration, open.first_requests, "
                    "open.repeat)");
  };
  // The last pass begins within a run: known before all the work.
  date(static_cast<double>(times - 1) * pass.period_ms / options.rate_scale);
  plan.requests.reserve(times * count);
  for (std::size_t k = 0; k < times; ++k) {
    const auto offset = static_cast<std::uint32_t>(k * count);
    const double shift = static_cast<double>(k) * pass.period_ms;
    for (std::size_t i = 0; i < count; ++i) {
      if (k > 0) {
        RequestSpec copy = plan.requests[i];
        copy.id = RequestId{offset + i};
        copy.session = SessionId{raw(copy.session) + k * sessions};
        for (BlockRun& run : copy.blocks) run.first = BlockId{raw(run.first) + k * id_limit};
        plan.requests.push_back(std::move(copy));
      }
      plan.earliest.push_back(date((pass.date_ms[i] + shift) / options.rate_scale));
      plan.gap.push_back(run_date(pass.gap_ms[i] / 1000, "file", "correct its gaps"));
      plan.first_wait.push_back(pass.first_wait[i] + static_cast<std::uint32_t>(k) * wait_count);
    }
    for (const std::uint32_t awaited : pass.waits) plan.waits.push_back(awaited + offset);
  }
  plan.first_wait.push_back(static_cast<std::uint32_t>(plan.waits.size()));
}

}  // namespace

Plan plan_open_loop(const Trace& trace, const OpenLoopOptions& options, Tokens engine_block,
                    std::uint64_t seed) {
  if (trace.closed_loop) {
    throw InputError({trace.file, 0, 0}, "",
                     "its sessions have no dates and cannot be played open_loop; play it "
                     "closed_loop");
  }
  const Pass pass = Selection(trace, options, seed).run();
  NamedRequests named = name_requests(trace, pass.played, engine_block, 0);
  count_pool_hits(named.requests, {}, named.id_limit);
  Plan plan;
  plan.requests = std::move(named.requests);
  repeat(plan, pass, options, named.id_limit, trace.sessions.size());
  return plan;
}

}  // namespace calvo::traces
