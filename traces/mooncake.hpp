#pragma once

#include <iosfwd>
#include <string>

#include "traces/trace.hpp"

namespace calvo::traces {

/// Reads Mooncake JSONL (Qin et al., FAST'25): one request a line with `timestamp` (ms),
/// `input_length`, `output_length` and `hash_ids`, ceil(input / block) ids of 512 tokens unless the
/// options or a `block_size` on the first line say otherwise.
///
/// Requests may depend on each other: `request_id`, `session_id`, `wait_for` (request ids of
/// earlier lines), `delay` or `delay_ms`, `tool_wait_ms`. A request of a session waits for the one
/// before it in the session and for all in `wait_for`; then for delay + tool wait; and never starts
/// before its timestamp. The first request of a session needs a timestamp, or none in the whole
/// file has one: then sessions are played in a closed loop. Fields of our own, written by
/// write_mooncake(): `parent_session_id` (a sub-agent's session), `shared_tokens`, `gap`. Other
/// fields are ignored.
Trace read_mooncake(const std::string& file, const ReadOptions& options);

/// Writes a trace so that read_mooncake() gives the same requests, dependencies and contents. Block
/// ids become unique in the whole trace, with `shared_prefix` of each session's tools and system
/// prompt alike in all sessions; an output of 0 tokens becomes 1. Throws InputError if the trace
/// knows no contents. Requires: 0 <= shared_prefix <= 1.
void write_mooncake(const Trace& trace, double shared_prefix, std::ostream& out);

}  // namespace calvo::traces
