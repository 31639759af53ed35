// A trace in memory: what was asked for, when, after what, and which content the prompts share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/units.hpp"

namespace calvo::traces {

/// `count` blocks of the trace with consecutive ids, in prefix order.
struct TraceRun {
  std::uint64_t first = 0;
  std::int32_t count = 0;

  friend bool operator==(const TraceRun&, const TraceRun&) = default;
};

/// What the client did between the answer and the next request.
enum class GapKind : std::uint8_t { none, user, tool, mixed };

inline constexpr double no_date = -1;
inline constexpr double unknown_gap = -1;

/// One request. It becomes due `gap_ms` after the last request that it waits for has finished, and
/// not before `arrival_ms`.
struct TraceRequest {
  double arrival_ms = no_date;  ///< from the trace's start
  double gap_ms = 0;            ///< or unknown_gap: to be drawn
  std::int32_t input = 0;       ///< tokens of the whole prompt, >= 1
  std::int32_t output = 0;      ///< tokens, >= 0; a run generates at least one
  std::uint32_t first_run = 0;  ///< its content is runs[first_run, first_run + run_count)
  std::uint32_t run_count = 0;
  std::uint32_t first_wait = 0;  ///< it waits for waits[first_wait, first_wait + wait_count)
  std::uint32_t wait_count = 0;
  std::int32_t previous = -1;  ///< the request before it in its stream; one of its waits
  std::int32_t session = 0;    ///< index into sessions
  std::int32_t stream = 0;     ///< within the session: 0 the main agent, others sub-agents
  std::int32_t turn = 0;       ///< within the stream
  GapKind gap_kind = GapKind::none;
};

struct TraceSession {
  std::int32_t shared_tokens = 0;  ///< leading tools + system prompt, alike in many sessions
  std::uint32_t first_request = 0;
  std::uint32_t request_count = 0;
};

/// Where a block id names the same content.
enum class IdScope : std::uint8_t { trace, session };
/// Whether a last block that is not full has an id.
enum class LastBlock : std::uint8_t { named, unnamed };

/// Each request comes after all those that it waits for. In a trace of sessions (every request has
/// a session and roots have no date) the requests of a session are neighbours.
struct Trace {
  std::string file;
  std::string format;      ///< "mooncake", "agentic", "azure"
  Tokens block_tokens{0};  ///< 0: contents unknown, none is shared
  IdScope scope = IdScope::trace;
  LastBlock last_block = LastBlock::named;
  bool closed_loop = false;  ///< sessions have no dates: they are started by the player
  std::vector<TraceRequest> requests;
  std::vector<TraceRun> runs;
  std::vector<std::uint32_t> waits;  ///< indices into requests
  std::vector<TraceSession> sessions;

  std::span<const TraceRun> content(const TraceRequest& request) const {
    return std::span(runs).subspan(request.first_run, request.run_count);
  }
  std::span<const std::uint32_t> waits_of(const TraceRequest& request) const {
    return std::span(waits).subspan(request.first_wait, request.wait_count);
  }
};

/// Limits of a believable trace; beyond them the input is taken to be wrong.
inline constexpr std::int64_t most_tokens = 1'000'000'000;
inline constexpr double latest_ms = 1e12;

struct ReadOptions {
  Tokens block_tokens{0};  ///< of the trace's ids; 0: what its format says
};

/// Reads a trace of any known format, gzip or plain: Mooncake JSONL, agentic TSV, Azure CSV; found
/// by its first line. Throws InputError with the place and a remedy.
Trace read_trace(const std::string& file, const ReadOptions& options = {});

}  // namespace calvo::traces
