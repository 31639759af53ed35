#include <algorithm>
#include <iterator>
#include <ostream>

#include <fmt/format.h>

#include "core/input_error.hpp"
#include "traces/global_ids.hpp"
#include "traces/mooncake.hpp"

namespace calvo::traces {
namespace {

constexpr std::int64_t mooncake_block = 512;

using Line = fmt::memory_buffer;

template <class... Args>
void add(Line& line, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(line), format, std::forward<Args>(args)...);
}

const char* name_of(GapKind kind) {
  switch (kind) {
    case GapKind::user:
      return "user";
    case GapKind::tool:
      return "tool";
    case GapKind::mixed:
      return "mixed";
    case GapKind::none:
      break;
  }
  return "";
}

void add_session(Line& line, const TraceRequest& request) {
  if (request.stream == 0) {
    add(line, ", \"session_id\": \"{}\"", request.session);
    return;
  }
  add(line, ", \"session_id\": \"{}/{}\"", request.session, request.stream);
  if (request.previous < 0) add(line, ", \"parent_session_id\": \"{}\"", request.session);
}

/// What it waits for beyond the request before it in its session.
void add_waits(Line& line, const Trace& trace, const TraceRequest& request) {
  const char* separator = ", \"wait_for\": [";
  bool any = false;
  for (const std::uint32_t awaited : trace.waits_of(request)) {
    if (static_cast<std::int32_t>(awaited) == request.previous) continue;
    add(line, "{}\"{}\"", separator, awaited);
    separator = ", ";
    any = true;
  }
  if (any) add(line, "]");
}

void add_dates(Line& line, const TraceRequest& request) {
  if (request.arrival_ms != no_date) add(line, ", \"timestamp\": {}", request.arrival_ms);
  if (request.wait_count > 0 && request.gap_ms >= 0) {
    add(line, ", \"delay_ms\": {}", request.gap_ms);
  }
  if (request.gap_kind != GapKind::none) add(line, ", \"gap\": \"{}\"", name_of(request.gap_kind));
}

void add_blocks(Line& line, std::span<const TraceRun> runs) {
  add(line, ", \"hash_ids\": [");
  const char* separator = "";
  for (const TraceRun& run : runs) {
    for (std::int32_t i = 0; i < run.count; ++i) {
      add(line, "{}{}", separator, run.first + static_cast<std::uint64_t>(i));
      separator = ", ";
    }
  }
  add(line, "]");
}

}  // namespace

void write_mooncake(const Trace& trace, double shared_prefix, std::ostream& out) {
  if (trace.block_tokens.count() == 0) {
    throw InputError({trace.file, 0, 0}, "",
                     "does not say which prompts share contents, which Mooncake JSONL must; play "
                     "it as it is");
  }
  const GlobalIds ids(trace, shared_prefix);
  std::vector<std::uint32_t> session_sizes(trace.sessions.size());
  for (const TraceRequest& request : trace.requests) {
    ++session_sizes[static_cast<std::size_t>(request.session)];
  }
  Line line;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const TraceRequest& request = trace.requests[i];
    line.clear();
    add(line, "{{\"request_id\": \"{}\"", i);
    if (i == 0 && trace.block_tokens.count() != mooncake_block) {
      add(line, ", \"block_size\": {}", trace.block_tokens.count());
    }
    if (trace.closed_loop || session_sizes[static_cast<std::size_t>(request.session)] > 1) {
      add_session(line, request);
    }
    add_waits(line, trace, request);
    add_dates(line, request);
    add(line, ", \"input_length\": {}, \"output_length\": {}", request.input,
        std::max(1, request.output));
    add_blocks(line, ids.blocks(i));
    add(line, "}}\n");
    out.write(line.data(), static_cast<std::streamsize>(line.size()));
  }
}

}  // namespace calvo::traces
