#include "traces/mooncake_row.hpp"

#include "traces/json_line.hpp"

namespace calvo::traces {
namespace {

std::int64_t length(JsonLine& json) {
  const std::int64_t value = json.integer();
  if (value < 1 || value > most_tokens) {
    json.fail("must be between 1 and " + std::to_string(most_tokens) + " tokens, is \"" +
              std::string(json.written()) + "\"; correct or drop the request");
  }
  return value;
}

double milliseconds(JsonLine& json) {
  const double value = json.number();
  if (value < 0 || value > latest_ms) {
    json.fail("must be between 0 and 1e12 milliseconds, is \"" + std::string(json.written()) +
              "\"; correct or drop the request");
  }
  return value;
}

GapKind gap_kind(JsonLine& json) {
  const std::string_view name = json.text();
  if (name == "user") return GapKind::user;
  if (name == "tool") return GapKind::tool;
  if (name == "mixed") return GapKind::mixed;
  json.fail("unknown kind \"" + std::string(name) + "\" (one of: user, tool, mixed)");
}

}  // namespace

void MooncakeRow::read(const LineReader& reader) {
  enum : unsigned { timestamp_bit = 1, input_bit = 2, output_bit = 4, ids_bit = 8 };
  unsigned seen = 0;
  has_timestamp = has_session = has_request_id = has_gap_time = false;
  delay_ms = tool_wait_ms = 0;
  block_size = block_count = 0;
  gap_kind = GapKind::none;
  parent_session_id.clear();
  wait_for.clear();
  wait_for_at.clear();
  content.clear();

  JsonLine json(reader);
  const auto once = [&](unsigned bit) {
    if ((seen & bit) != 0) json.fail("given twice; keep one");
    seen |= bit;
  };
  while (json.next_field()) {
    const std::string_view field = json.field();
    if (field == "timestamp") {
      once(timestamp_bit);
      timestamp = milliseconds(json);
      timestamp_at = json.field_offset();
      has_timestamp = true;
    } else if (field == "input_length") {
      once(input_bit);
      input = length(json);
    } else if (field == "output_length") {
      once(output_bit);
      output = length(json);
    } else if (field == "hash_ids") {
      once(ids_bit);
      hash_ids_at = json.field_offset();
      while (json.next_element()) {
        const std::int64_t id = json.integer();
        if (id < 0) {
          json.fail("a block id must be at least 0, is \"" + std::string(json.written()) + "\"");
        }
        const auto value = static_cast<std::uint64_t>(id);
        ++block_count;
        if (!content.empty() &&
            content.back().first + static_cast<std::uint64_t>(content.back().count) == value) {
          ++content.back().count;
        } else {
          content.push_back({value, 1});
        }
      }
    } else if (field == "request_id") {
      request_id = json.text();
      request_id_at = json.field_offset();
      has_request_id = true;
    } else if (field == "session_id") {
      session_id = json.text();
      session_at = json.field_offset();
      has_session = true;
    } else if (field == "parent_session_id") {
      parent_session_id = json.text();
    } else if (field == "wait_for") {
      while (json.next_element()) {
        wait_for.emplace_back(json.text());
        wait_for_at.push_back(
            static_cast<std::size_t>(json.written().data() - reader.line().data()));
      }
    } else if (field == "delay" || field == "delay_ms") {
      delay_ms = milliseconds(json);
      has_gap_time = true;
    } else if (field == "tool_wait_ms") {
      tool_wait_ms = milliseconds(json);
      has_gap_time = true;
    } else if (field == "block_size") {
      block_size = length(json);
    } else if (field == "gap") {
      gap_kind = traces::gap_kind(json);
    } else {
      json.skip();
    }
  }
  const auto missing = [&](unsigned bit, const char* field) {
    if ((seen & bit) == 0) {
      throw InputError(reader.pos(), field, "missing; every request of a Mooncake trace has it");
    }
  };
  missing(input_bit, "input_length");
  missing(output_bit, "output_length");
  missing(ids_bit, "hash_ids");
}

}  // namespace calvo::traces
