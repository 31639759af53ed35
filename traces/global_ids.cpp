#include "traces/global_ids.hpp"

#include <algorithm>

#include "core/contract.hpp"
#include "traces/session_contents.hpp"

namespace calvo::traces {
namespace {

std::uint64_t end_of(const ContentRun& run) {
  return run.first + static_cast<std::uint64_t>(run.count);
}

}  // namespace

GlobalIds::GlobalIds(const Trace& trace, double shared_prefix) {
  CALVO_EXPECT(trace.block_tokens.count() > 0);
  SessionContents contents(trace, shared_prefix);
  std::vector<ContentRun> mapped;
  std::vector<ContentRun> all;
  std::uint64_t common_end = 0;
  std::vector<std::uint64_t> session_end(trace.sessions.size() + 1);
  std::int32_t session = -1;
  for (const TraceRequest& request : trace.requests) {
    if (trace.scope == IdScope::session && request.session != session) {
      session = request.session;
      contents.begin(session, request);
    }
    contents.map(request, mapped);
    first_run_.push_back(static_cast<std::uint32_t>(all.size()));
    for (const ContentRun& run : mapped) {
      all.push_back(run);
      if (run.space == SessionContents::tail_space) continue;
      std::uint64_t& end = run.space == 0 ? common_end : session_end[run.space];
      end = std::max(end, end_of(run));
    }
  }
  first_run_.push_back(static_cast<std::uint32_t>(all.size()));

  std::vector<std::uint64_t> base(trace.sessions.size() + 1);  // by space
  std::uint64_t next = common_end;
  for (std::size_t space = 1; space < base.size(); ++space) {
    base[space] = next;
    next += session_end[space];
  }
  for (const ContentRun& run : all) {
    const std::uint64_t offset = run.space == SessionContents::tail_space ? next : base[run.space];
    runs_.push_back({offset + run.first, run.count});
  }
}

std::span<const TraceRun> GlobalIds::blocks(std::size_t request) const {
  return std::span(runs_).subspan(first_run_[request],
                                  first_run_[request + 1] - first_run_[request]);
}

}  // namespace calvo::traces
