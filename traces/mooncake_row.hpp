// One line of Mooncake JSONL, checked field by field.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/gzip_lines.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {

struct MooncakeRow {
  bool has_timestamp = false;
  bool has_session = false;
  bool has_request_id = false;
  bool has_gap_time = false;  ///< a delay or a tool wait
  double timestamp = 0;
  double delay_ms = 0;
  double tool_wait_ms = 0;
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t block_size = 0;
  GapKind gap_kind = GapKind::none;
  std::string request_id;
  std::string session_id;
  std::string parent_session_id;
  std::vector<std::string> wait_for;
  std::vector<TraceRun> content;
  std::int64_t block_count = 0;
  std::size_t timestamp_at = 0;  ///< offsets in the line, for messages
  std::size_t hash_ids_at = 0;
  std::size_t request_id_at = 0;
  std::size_t session_at = 0;
  std::vector<std::size_t> wait_for_at;

  /// Replaces all of it by what `reader` stands at. Throws InputError.
  void read(const LineReader& reader);
};

}  // namespace calvo::traces
