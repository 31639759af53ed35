#include <string>
#include <unordered_map>

#include "core/contract.hpp"
#include "traces/mooncake.hpp"
#include "traces/mooncake_row.hpp"

namespace calvo::traces {
namespace {

constexpr std::int64_t mooncake_block = 512;

/// Puts checked rows together to a trace. Maps are for lookup only, never walked.
class MooncakeBuilder {
public:
  MooncakeBuilder(const LineReader& reader, const ReadOptions& options) : reader_(reader) {
    trace_.file = reader.file();
    trace_.format = "mooncake";
    trace_.block_tokens = options.block_tokens;
  }

  void add(const MooncakeRow& row) {
    check_blocks(row);
    TraceRequest request;
    request.input = static_cast<std::int32_t>(row.input);
    request.output = static_cast<std::int32_t>(row.output);
    request.gap_ms = row.delay_ms + row.tool_wait_ms;
    request.gap_kind = row.gap_kind;
    request.first_run = static_cast<std::uint32_t>(trace_.runs.size());
    request.run_count = static_cast<std::uint32_t>(row.content.size());
    trace_.runs.insert(trace_.runs.end(), row.content.begin(), row.content.end());
    request.first_wait = static_cast<std::uint32_t>(trace_.waits.size());
    place_in_session(row, request);
    add_waits(row, request);
    set_date(row, request);
    trace_.requests.push_back(request);
  }

  Trace finish() {
    if (trace_.requests.empty()) {
      throw InputError({reader_.file(), 0, 0}, "", "holds no request; give a trace with some");
    }
    trace_.closed_loop = undated_roots_ > 0;
    if (trace_.closed_loop) group_sessions();
    return std::move(trace_);
  }

private:
  struct Stream {
    std::int32_t session = 0;
    std::int32_t number = 0;
    std::int32_t last = -1;
    double last_date = 0;
  };

  [[noreturn]] void fail(std::size_t offset, const char* field, const std::string& problem) const {
    throw InputError(reader_.pos(offset), field, problem);
  }

  void check_blocks(const MooncakeRow& row) {
    if (trace_.requests.empty() && trace_.block_tokens.count() == 0) {
      trace_.block_tokens = Tokens{row.block_size > 0 ? row.block_size : mooncake_block};
    }
    const std::int64_t block = trace_.block_tokens.count();
    const std::int64_t expected = (row.input + block - 1) / block;
    if (row.block_count != expected) {
      fail(row.hash_ids_at, "hash_ids",
           "holds " + std::to_string(row.block_count) + " ids, but \"" + std::to_string(row.input) +
               "\" tokens are " + std::to_string(expected) + " blocks of " + std::to_string(block) +
               "; correct the line, or say which block size the trace has");
    }
  }

  void place_in_session(const MooncakeRow& row, TraceRequest& request) {
    const auto index = static_cast<std::int32_t>(trace_.requests.size());
    if (!row.has_session) {
      request.session = new_session(row);
      return;
    }
    auto [entry, is_new] = streams_.try_emplace(row.session_id);
    Stream& stream = entry->second;
    if (is_new && row.parent_session_id.empty()) {
      stream.session = new_session(row);
      stream_counts_.push_back(1);
    } else if (is_new) {
      const auto parent = streams_.find(row.parent_session_id);
      if (parent == streams_.end() || &parent->second == &stream) {
        fail(row.session_at, "parent_session_id",
             "unknown session \"" + row.parent_session_id + "\"; name one of an earlier line");
      }
      stream.session = parent->second.session;
      stream.number = stream_counts_[static_cast<std::size_t>(stream.session)]++;
    }
    request.session = stream.session;
    request.stream = stream.number;
    if (stream.last >= 0) {
      request.previous = stream.last;
      request.turn = trace_.requests[static_cast<std::size_t>(stream.last)].turn + 1;
      trace_.waits.push_back(static_cast<std::uint32_t>(stream.last));
    }
    stream.last = index;
    stream_ = &stream;
  }

  std::int32_t new_session(const MooncakeRow& row) {
    trace_.sessions.emplace_back();
    if (!row.has_session) stream_counts_.push_back(1);
    return static_cast<std::int32_t>(trace_.sessions.size()) - 1;
  }

  void add_waits(const MooncakeRow& row, TraceRequest& request) {
    for (std::size_t i = 0; i < row.wait_for.size(); ++i) {
      const auto awaited = by_id_.find(row.wait_for[i]);
      if (awaited == by_id_.end()) {
        fail(row.wait_for_at[i], "wait_for",
             "unknown request \"" + row.wait_for[i] + "\"; name one of an earlier line");
      }
      bool known = false;
      for (std::size_t k = request.first_wait; k < trace_.waits.size(); ++k) {
        known = known || trace_.waits[k] == awaited->second;
      }
      if (!known) trace_.waits.push_back(awaited->second);
    }
    request.wait_count = static_cast<std::uint32_t>(trace_.waits.size()) - request.first_wait;
    if (row.has_request_id) {
      const auto index = static_cast<std::uint32_t>(trace_.requests.size());
      if (!by_id_.emplace(row.request_id, index).second) {
        fail(row.request_id_at, "request_id",
             "duplicate \"" + row.request_id + "\"; give every request an id of its own");
      }
    }
  }

  void set_date(const MooncakeRow& row, TraceRequest& request) {
    const bool root = request.wait_count == 0;
    if (row.has_timestamp) {
      double& last = row.has_session ? stream_->last_date : last_date_;
      if (row.timestamp < last) {
        fail(row.timestamp_at, "timestamp",
             "goes back in time to \"" + std::to_string(std::llround(row.timestamp)) + "\" after " +
                 std::to_string(std::llround(last)) + "; sort the trace by timestamp");
      }
      last = row.timestamp;
      request.arrival_ms = row.timestamp;
      if (root) ++dated_roots_;
    } else if (root && !row.has_session) {
      fail(0, "timestamp", "missing; a request outside a session needs its date");
    } else if (root) {
      ++undated_roots_;
    } else if (!row.has_gap_time) {
      if (row.gap_kind == GapKind::none) {
        fail(0, "timestamp", "missing; give a timestamp, a delay_ms or a tool_wait_ms");
      }
      request.gap_ms = unknown_gap;
    }
    if (root && undated_roots_ > 0 && dated_roots_ > 0) {
      fail(row.has_timestamp ? row.timestamp_at : 0, "timestamp",
           "some sessions have a date and some have none; date all of them or none");
    }
  }

  /// Sessions of a closed loop must be neighbours: checked, not sorted, as dates give no order.
  void group_sessions() {
    std::int32_t current = -1;
    for (std::size_t i = 0; i < trace_.requests.size(); ++i) {
      const std::int32_t session = trace_.requests[i].session;
      if (session < current) {
        throw InputError({reader_.file(), static_cast<int>(i) + 1, 1}, "session_id",
                         "returns to an earlier session; keep the lines of a session together");
      }
      current = session;
      TraceSession& entry = trace_.sessions[static_cast<std::size_t>(session)];
      if (entry.request_count++ == 0) entry.first_request = static_cast<std::uint32_t>(i);
    }
  }

  const LineReader& reader_;
  Trace trace_;
  std::unordered_map<std::string, Stream> streams_;
  std::unordered_map<std::string, std::uint32_t> by_id_;
  std::vector<std::int32_t> stream_counts_;  ///< by session
  Stream* stream_ = nullptr;
  double last_date_ = 0;
  std::int64_t dated_roots_ = 0;
  std::int64_t undated_roots_ = 0;
};

}  // namespace

Trace read_mooncake(const std::string& file, const ReadOptions& options) {
  LineReader reader(file);
  MooncakeBuilder builder(reader, options);
  MooncakeRow row;
  while (reader.next()) {
    if (reader.line().empty()) {
      throw InputError(reader.pos(), "", "empty line; remove it");
    }
    row.read(reader);
    builder.add(row);
  }
  return builder.finish();
}

}  // namespace calvo::traces
