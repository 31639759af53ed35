#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace calvo::traces {

/// All that happens in a workload, decided beforehand except for the dates that depend on the
/// system: which request waits for which, how long after them it comes, which session follows.
struct Plan {
  struct Session {
    std::uint32_t first_request = 0;  ///< its requests are neighbours
    std::uint32_t request_count = 0;
  };

  std::vector<RequestSpec> requests;      ///< by id from 0; arrivals not yet set
  std::vector<Nanoseconds> earliest;      ///< of each request: date, or 0; within its session if
                                          ///< sessions are live in turn
  std::vector<Nanoseconds> gap;           ///< after the last request that it waits for has ended
  std::vector<std::uint32_t> first_wait;  ///< requests + 1: it waits for waits[first_wait[i], ...)
  std::vector<std::uint32_t> waits;       ///< ids, each smaller than the waiting request's

  /// Empty: every request without waits comes at its date. Else the first `live_sessions` start at
  /// their `session_start`, and one that ends is replaced at once by the next.
  std::vector<Session> sessions;
  std::size_t live_sessions = 0;
  std::vector<Nanoseconds> session_start;  ///< of the first live ones

  std::vector<BlockRun> stored;  ///< in the remote pool before the run
};

/// Plays a plan. Cost: per finished request, its successors.
class PlannedWorkload final : public Workload {
public:
  /// Requires: a consistent plan (sizes, waits of earlier requests, sessions one after the other).
  explicit PlannedWorkload(Plan plan);

  std::span<RequestSpec> requests() override { return plan_.requests; }
  std::vector<Due> start() override;
  void finished(const RequestSpec& request, Instant now, std::vector<Due>& out) override;
  std::vector<BlockRun> initially_stored() const override { return plan_.stored; }

private:
  void start_session(std::size_t session, Instant at, std::vector<Due>& out);
  Due emit(std::size_t request, Instant at);

  Plan plan_;
  std::vector<std::uint32_t> first_successor_;  ///< requests + 1, into successors_
  std::vector<std::uint32_t> successors_;
  std::vector<std::uint32_t> pending_;  ///< awaited requests that have not ended, by id
  std::vector<std::uint8_t> ended_;
  std::vector<Instant> session_begin_;
  std::vector<std::uint32_t> session_of_;  ///< by request; only with live sessions
  std::vector<std::uint32_t> session_left_;
  std::size_t next_session_ = 0;
};

}  // namespace calvo::traces
