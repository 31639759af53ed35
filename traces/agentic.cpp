#include "traces/agentic.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <unordered_map>

#include <fmt/format.h>

#include "traces/fields.hpp"

namespace calvo::traces {
namespace {

constexpr std::int64_t agentic_block = 64;
constexpr std::uint64_t highest_id = std::uint64_t{1} << 40;  ///< keeps sums of ids in range

enum Column : std::size_t {
  session,
  stream,
  spawn_after,
  req,
  t_ms,
  think_ms,
  api_ms,
  ttft_ms,
  in_tok,
  out_tok,
  kind,
  stop,
  model,
  runs
};
constexpr std::array<std::string_view, 14> columns = {
    "session", "stream", "spawn_after", "req",  "t_ms", "think_ms", "api_ms",
    "ttft_ms", "in_tok", "out_tok",     "kind", "stop", "model",    "runs"};

enum SessionColumn : std::size_t { session_of, tool_tok, system_tok };
constexpr std::array<std::string_view, 11> session_columns = {
    "session",  "tool_tok", "system_tok", "n_main",  "n_streams",   "duration_s",
    "first_in", "max_in",   "sum_in",     "sum_out", "has_api_time"};

struct Row {
  TraceRequest request;
  std::int64_t spawn_after = -1;
  double start_ms = 0;
  double end_ms = 0;  ///< of the original run; start_ms where that is unknown
};

bool follows(const TraceRun& a, const TraceRun& b) {
  return a.first + static_cast<std::uint64_t>(a.count) == b.first;
}

/// "1+247,300,310+2" as runs; returns the number of blocks.
std::int64_t parse_runs(const FieldRows& rows, std::vector<TraceRun>& out) {
  const std::string_view text = rows.text(runs);
  if (text.empty()) return 0;
  const std::size_t first = out.size();
  std::int64_t blocks = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto fail = [&] {
    rows.fail(runs,
              fmt::format("not a list of block runs \"{}\"; write them as start+count,id",
                          text.substr(static_cast<std::size_t>(at - text.data()), 20)),
              static_cast<std::size_t>(at - text.data()));
  };
  while (true) {
    TraceRun run{0, 1};
    auto parsed = std::from_chars(at, end, run.first);
    if (parsed.ec != std::errc{} || run.first > highest_id) fail();
    if (parsed.ptr != end && *parsed.ptr == '+') {
      parsed = std::from_chars(parsed.ptr + 1, end, run.count);
      if (parsed.ec != std::errc{} || run.count < 1) fail();
    }
    blocks += run.count;
    if (blocks > most_tokens) fail();
    if (out.size() > first && follows(out.back(), run)) {
      out.back().count += run.count;  // runs are kept maximal
    } else {
      out.push_back(run);
    }
    if (parsed.ptr == end) return blocks;
    if (*parsed.ptr != ',') fail();
    at = parsed.ptr + 1;
  }
}

GapKind gap_kind(const FieldRows& rows) {
  const std::string_view name = rows.text(kind);
  if (name == "u") return GapKind::user;
  if (name == "r") return GapKind::tool;
  if (name == "x") return GapKind::mixed;
  rows.fail(kind, fmt::format("unknown kind \"{}\" (one of: u, r, x)", name));
}

/// Shared tokens by session id; for lookup only.
std::unordered_map<std::int64_t, std::int32_t> read_sessions(const std::string& trace_file) {
  std::unordered_map<std::int64_t, std::int32_t> shared;
  const std::size_t dot = trace_file.rfind(".tsv");
  if (dot == std::string::npos) return shared;
  for (const char* suffix : {".sessions.tsv.gz", ".sessions.tsv"}) {
    const std::string file = trace_file.substr(0, dot) + suffix;
    if (file == trace_file || !std::filesystem::exists(file)) continue;
    LineReader reader(file);
    FieldRows rows(reader, '\t', session_columns);
    while (rows.next()) {
      const std::int64_t id = rows.integer(session_of, 0, 1LL << 52);
      const std::int64_t tokens =
          rows.integer(tool_tok, 0, most_tokens) + rows.integer(system_tok, 0, most_tokens);
      if (!shared.emplace(id, static_cast<std::int32_t>(tokens)).second) {
        rows.fail(session_of, fmt::format("duplicate \"{}\"; keep one row a session", id));
      }
    }
    return shared;
  }
  return shared;
}

/// Reads rows and closes each session when the next begins.
class AgenticBuilder {
public:
  AgenticBuilder(const std::string& file, const ReadOptions& options)
      : shared_(read_sessions(file)) {
    trace_.file = file;
    trace_.format = "agentic";
    trace_.block_tokens =
        options.block_tokens.count() > 0 ? options.block_tokens : Tokens{agentic_block};
    trace_.scope = IdScope::session;
    trace_.last_block = LastBlock::unnamed;
    trace_.closed_loop = true;
  }

  void add(const FieldRows& rows) {
    const std::int64_t id = rows.integer(session, 0, 1LL << 52);
    if (trace_.sessions.empty() && streams_.empty()) {
      session_id_ = id;
    } else if (id != session_id_) {
      if (id < session_id_) {
        rows.fail(session, fmt::format("goes back to \"{}\" after {}; sort the trace by session",
                                       id, session_id_));
      }
      close_session();
      session_id_ = id;
    }
    place(rows, read_row(rows));
  }

  Trace finish() {
    if (streams_.empty()) {
      throw InputError({trace_.file, 0, 0}, "", "holds no request; give a trace with some");
    }
    close_session();
    return std::move(trace_);
  }

private:
  Row read_row(const FieldRows& rows) {
    Row row;
    TraceRequest& request = row.request;
    request.stream = static_cast<std::int32_t>(rows.integer(stream, 0, 1 << 20));
    request.turn = static_cast<std::int32_t>(rows.integer(req, 0, 1 << 24));
    row.spawn_after = rows.integer(spawn_after, -1, 1 << 24);
    row.start_ms = rows.number(t_ms, 0, latest_ms);
    request.gap_ms = rows.number(think_ms, unknown_gap, latest_ms);
    if (request.gap_ms < 0) request.gap_ms = unknown_gap;
    row.end_ms = row.start_ms + std::max(0.0, rows.number(api_ms, -1, latest_ms));
    rows.number(ttft_ms, -1, latest_ms);
    request.input = static_cast<std::int32_t>(rows.integer(in_tok, 1, most_tokens));
    request.output = static_cast<std::int32_t>(rows.integer(out_tok, 0, most_tokens));
    request.gap_kind = gap_kind(rows);
    request.first_run = static_cast<std::uint32_t>(trace_.runs.size());
    const std::int64_t blocks = parse_runs(rows, trace_.runs);
    request.run_count = static_cast<std::uint32_t>(trace_.runs.size()) - request.first_run;
    const std::int64_t expected = request.input / trace_.block_tokens.count();
    if (blocks != expected) {
      rows.fail(runs, fmt::format("hold {} blocks, but \"{}\" tokens fill {} blocks of {}; copy or "
                                  "download the file again",
                                  blocks, request.input, expected, trace_.block_tokens.count()));
    }
    return row;
  }

  void place(const FieldRows& rows, const Row& row) {
    const auto number = static_cast<std::size_t>(row.request.stream);
    if (number > streams_.size() || (number + 1 < streams_.size())) {
      rows.fail(stream, fmt::format("\"{}\" is out of order; sort a session by stream and req",
                                    row.request.stream));
    }
    if (number == streams_.size()) streams_.emplace_back();
    auto& rows_of_stream = streams_[number];
    if (row.request.turn != static_cast<std::int32_t>(rows_of_stream.size())) {
      rows.fail(req, fmt::format("\"{}\" is not the next of its stream, {}; no request may be "
                                 "missing, double or out of order",
                                 row.request.turn, rows_of_stream.size()));
    }
    const auto main_count = static_cast<std::int64_t>(streams_.front().size());
    if (number > 0 && (row.spawn_after < 0 || row.spawn_after >= main_count)) {
      rows.fail(spawn_after, fmt::format("\"{}\" names no request of stream 0, which has {}",
                                         row.spawn_after, main_count));
    }
    rows_of_stream.push_back(row);
  }

  void close_session() {
    TraceSession entry;
    const auto shared = shared_.find(session_id_);
    entry.shared_tokens = shared == shared_.end() ? 0 : shared->second;
    entry.first_request = static_cast<std::uint32_t>(trace_.requests.size());
    std::vector<std::uint32_t> joined;  // last requests of the streams spawned by the last main one
    double longest = 0;
    std::int32_t last_main = -1;
    for (Row& main : streams_.front()) {
      if (!joined.empty() && main.request.gap_ms >= 0) {
        main.request.gap_ms = std::max(0.0, main.request.gap_ms - longest);
      }
      last_main = append(main.request, last_main, joined);
      joined.clear();
      longest = 0;
      for (std::size_t k = 1; k < streams_.size(); ++k) {
        auto& sub_agent = streams_[k];
        if (sub_agent.front().spawn_after != main.request.turn) continue;
        std::int32_t last = -1;
        for (Row& row : sub_agent) {
          const std::vector<std::uint32_t> spawner =
              last < 0 ? std::vector{static_cast<std::uint32_t>(last_main)}
                       : std::vector<std::uint32_t>{};
          last = append(row.request, last, spawner);
        }
        joined.push_back(static_cast<std::uint32_t>(last));
        longest = std::max(longest, sub_agent.back().end_ms - sub_agent.front().start_ms);
      }
    }
    entry.request_count = static_cast<std::uint32_t>(trace_.requests.size()) - entry.first_request;
    trace_.sessions.push_back(entry);
    streams_.clear();
  }

  std::int32_t append(TraceRequest request, std::int32_t previous,
                      const std::vector<std::uint32_t>& others) {
    request.session = static_cast<std::int32_t>(trace_.sessions.size());
    request.previous = previous;
    request.first_wait = static_cast<std::uint32_t>(trace_.waits.size());
    if (previous >= 0) trace_.waits.push_back(static_cast<std::uint32_t>(previous));
    trace_.waits.insert(trace_.waits.end(), others.begin(), others.end());
    request.wait_count = static_cast<std::uint32_t>(trace_.waits.size()) - request.first_wait;
    trace_.requests.push_back(request);
    return static_cast<std::int32_t>(trace_.requests.size()) - 1;
  }

  std::unordered_map<std::int64_t, std::int32_t> shared_;
  Trace trace_;
  std::int64_t session_id_ = -1;
  std::vector<std::vector<Row>> streams_;  ///< of the session being read
};

}  // namespace

Trace read_agentic(const std::string& file, const ReadOptions& options) {
  LineReader reader(file);
  FieldRows rows(reader, '\t', columns);
  AgenticBuilder builder(file, options);
  while (rows.next()) builder.add(rows);
  return builder.finish();
}

}  // namespace calvo::traces
